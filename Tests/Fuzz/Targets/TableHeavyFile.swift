// Files that are nothing but tables, as large as the rules let them be in a few megabytes: where a
// reader's memory for tables shows.
import VialFormat

/// A file whose tables are as heavy as can be.
public enum TableHeavyFile: CaseIterable, Sendable {
  /// As many sections as there may be.
  case sections
  /// Nothing but tiny tensors.
  case tensors
  /// As many configuration keys as there may be.
  case keys
  /// Key–values whose entries are all one long list of texts.
  case texts
  /// A root that states the largest table there may be, over a short file.
  case lyingRoot
  /// A tensor table that states more tensors than it has.
  case lyingTensorTable

  /// Whether the file opens.
  public var isValid: Bool { self != .lyingRoot && self != .lyingTensorTable }

  /// The file.
  public var bytes: [UInt8] {
    switch self {
    case .sections: Self.manySections
    case .tensors: Self.manyTensors
    case .keys:
      Self.withConfiguration { builder in
        for index in 0..<40_000 { builder["zz\(index)"] = .bool(true) }
      }
    case .texts:
      Self.withConfiguration { builder in
        builder["zz"] = .textArray([String](repeating: "", count: 500_000))
        builder["architecture"] = .text("llama")
        builder["model.name"] = .text(String(repeating: "n", count: 1 << 20))
      }
    case .lyingRoot: Self.lyingRootBytes
    case .lyingTensorTable: Self.lyingTensorTableBytes
    }
  }

  private static var manySections: [UInt8] {
    var file = parts(configuration: TinyModel.configuration, tensorTable: TinyModel.tensorTable)
    for index in 0..<60_000 { file.add(SectionKind(rawValue: 0x8000_0001), UInt64(index), [1]) }
    file.add(.weights, 0, TinyModel.weights)
    return file.bytes(sealing: .all)
  }

  private static var manyTensors: [UInt8] {
    var table = TensorTableBuilder()
    for index in 0..<20_000 {
      _ = try? table.add("t\(index)", TensorFormat(.f32), shape: [1])
    }
    let weights = [UInt8](repeating: 0, count: Int(table.weightsByteCount()))
    var file = parts(
      configuration: TinyModel.configuration, tensorTable: (try? table.build()) ?? [0])
    file.add(.weights, 0, weights)
    return file.bytes(sealing: .all)
  }

  private static func withConfiguration(_ change: (inout KeyValueBuilder) -> Void) -> [UInt8] {
    let region = ByteRegion(copying: TinyModel.configuration)
    guard let table = try? KeyValueTable(region, context: "tiny") else { return [] }
    var builder = KeyValueBuilder()
    for (key, value) in table.entries { builder[key] = value }
    change(&builder)
    var file = parts(
      configuration: (try? builder.build()) ?? [0], tensorTable: TinyModel.tensorTable)
    file.add(.weights, 0, TinyModel.weights)
    return file.bytes(sealing: .all)
  }

  private static var lyingRootBytes: [UInt8] {
    var bytes = TinyModel.bytes
    FileSeal.put(FileSeal.littleEndian(UInt64(65_536 * 128)), 4096 + 24, &bytes)
    FileSeal.put(FileSeal.littleEndian(UInt32(65_536)), 4096 + 32, &bytes)
    FileSeal.put(FileSeal.littleEndian(UInt64(1) << 40), 4096 + 40, &bytes)
    FileSeal.seal(&bytes, .slots)
    return bytes
  }

  private static var lyingTensorTableBytes: [UInt8] {
    var table = TinyModel.tensorTable
    FileSeal.put(FileSeal.littleEndian(UInt64(1_048_576)), 8, &table)
    var file = parts(configuration: TinyModel.configuration, tensorTable: table)
    file.add(.weights, 0, TinyModel.weights)
    return file.bytes(sealing: .all)
  }

  private static func parts(configuration: [UInt8], tensorTable: [UInt8]) -> FileParts {
    var file = FileParts()
    file.add(.configuration, 0, configuration)
    file.add(.tensorTable, 0, tensorTable)
    file.add(.tokenizer, 0, [0])
    return file
  }

  /// The tiny model with an adapter's section as it is given.
  public static func withAdapter(_ section: [UInt8]) -> [UInt8] {
    var file = parts(configuration: TinyModel.configuration, tensorTable: TinyModel.tensorTable)
    file.add(.adapter, 1, section)
    file.add(.weights, 0, TinyModel.weights)
    return file.bytes(sealing: .all)
  }

  /// The tiny model with a licence that is `frame`.
  public static func withText(_ frame: [UInt8], rawByteCount: UInt64) -> [UInt8] {
    var file = parts(configuration: TinyModel.configuration, tensorTable: TinyModel.tensorTable)
    file.add(.text, 5, frame, codec: 1, rawByteCount: rawByteCount)
    file.add(.weights, 0, TinyModel.weights)
    return file.bytes(sealing: .all)
  }
}

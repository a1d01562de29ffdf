// A small file with every encoding, codec and section kind that the writer makes, for all format tests.
// Owns: the sample's content. Values are canonical, so that a fresh sample verifies.
import TestSupport
import VialFormat

enum SampleFile {
  struct Tensor {
    let name: String
    let format: TensorFormat
    let shape: [Int]
    var section: UInt64 = 0
  }

  static let tensors = [
    Tensor(name: "model.norm.weight", format: TensorFormat(.f32), shape: [40]),
    Tensor(name: "a.f32", format: TensorFormat(.f32), shape: [5, 3]),
    Tensor(name: "b.f16", format: TensorFormat(.f16), shape: [17, 5]),
    Tensor(name: "c.bf16", format: TensorFormat(.bf16), shape: [16, 4]),
    Tensor(name: "d.int8", format: TensorFormat(.int8, group: 32), shape: [20, 40]),
    Tensor(name: "e.int4", format: TensorFormat(.int4, group: 32), shape: [18, 40]),
    Tensor(
      name: "f.int4", format: TensorFormat(.int4, group: 64, isAsymmetric: true), shape: [7, 70]),
    Tensor(
      name: "g.experts", format: TensorFormat(.int4, group: 128, isAsymmetric: true),
      shape: [2, 16, 128]),
  ]

  static let configuration = ModelConfiguration(
    architecture: "qwen2", formerName: "sample", hiddenSize: 40, layerCount: 2, headCount: 4,
    keyValueHeadCount: 2, headDimension: 8, hasAttentionBias: true, feedForwardSize: 70,
    vocabularySize: 100, contextLength: 64, normEpsilon: 1e-6,
    ropeInverseFrequencies: [1, 0.1, 0.01, 0.001], isEmbeddingTied: true, bosToken: 3,
    addsBOS: true, eosTokens: [1, 2],
    sampling: .init(temperature: 0.6, topP: 0.95, topK: 20))

  static func provenance() throws -> [UInt8] {
    var builder = KeyValueBuilder()
    builder["base.name"] = .text("sample")
    builder["recipe"] = .textArray(["rtn", "", "größe"])
    builder["seed"] = .signed(-5)
    builder["digest"] = .bytes([1, 2, 3])
    builder["empty"] = .unsignedArray([])
    return try builder.build()
  }

  static let license = Array(String(repeating: "Permission is hereby granted. ", count: 90).utf8)

  /// Stored bytes of a tensor with canonical padding.
  static func bytes(_ tensor: Tensor, _ numbers: inout SeededGenerator) -> [UInt8] {
    let format = tensor.format
    if tensor.shape.count == 1 {
      return (0..<tensor.shape[0]).flatMap { SampleBytes.littleEndian(Float($0).bitPattern) }
    }
    let (rows, columns) = (tensor.shape[tensor.shape.count - 2], tensor.shape.last ?? 1)
    var result: [UInt8] = []
    for _ in 0..<tensor.shape.dropLast(2).reduce(1, *) {
      for tile in stride(from: 0, to: rows, by: 16) {
        for record in 0..<format.recordCount(columns: columns) {
          result += self.record(
            format, rows: min(16, rows - tile), columns: columns - record * format.group, &numbers)
        }
      }
    }
    return result
  }

  private static func record(
    _ format: TensorFormat, rows: Int, columns: Int, _ numbers: inout SeededGenerator
  ) -> [UInt8] {
    switch format.encoding {
    case .f32:
      return (0..<16).flatMap { SampleBytes.littleEndian($0 < rows ? Float($0 + 1).bitPattern : 0) }
    case .f16, .bf16:
      return (0..<16).flatMap { SampleBytes.littleEndian($0 < rows ? UInt16(0x3C00 + $0) : 0) }
    case .int8:
      var bytes = [UInt8](repeating: 0, count: 16 * format.group)
      for row in 0..<rows {
        for column in 0..<min(columns, format.group) {
          bytes[column / 4 * 64 + row * 4 + column % 4] = UInt8(
            bitPattern: Int8(numbers.below(255) - 127))
        }
      }
      return bytes + scales(rows)
    case .int4:
      return int4Record(format, rows: rows, columns: columns, &numbers)
    }
  }

  private static func int4Record(
    _ format: TensorFormat, rows: Int, columns: Int, _ numbers: inout SeededGenerator
  ) -> [UInt8] {
    let zeros = (0..<16).map { row in
      format.isAsymmetric && row < rows ? UInt8(numbers.below(16)) : 8
    }
    var bytes = [UInt8](repeating: 0, count: 8 * format.group)
    for row in 0..<16 {
      for column in 0..<format.group {
        let isInside = row < rows && column < columns
        let value = isInside ? UInt8(numbers.below(16)) : zeros[row]
        bytes[column / 8 * 64 + row * 4 + column % 4] |= column % 8 < 4 ? value : value << 4
      }
    }
    return bytes + scales(rows) + (format.isAsymmetric ? zeros : [])
  }

  private static func scales(_ rows: Int) -> [UInt8] {
    (0..<16).flatMap { SampleBytes.littleEndian($0 < rows ? UInt16(0x2C00 + $0) : 0) }
  }

  /// Writes a model file. `extra` may add sections before the end.
  static func make(
    tensors: [Tensor] = SampleFile.tensors,
    extra: (inout FileWriter<MemorySink>) throws -> Void = { _ in }
  ) throws -> [UInt8] {
    var writer = FileWriter(MemorySink())
    try writer.add(.configuration, configuration.encoded())
    var table = TensorTableBuilder()
    var placements: [TensorTableBuilder.Placement] = []
    for tensor in tensors {
      placements.append(
        try table.add(tensor.name, tensor.format, shape: tensor.shape, section: tensor.section))
    }
    try writer.add(.tensorTable, table.build())
    writer.identity.incompatibleFeatures = table.incompatibleFeatures
    try writer.add(.tokenizer, Array("tokenizer".utf8))
    try writer.add(.text, id: TextSection.license.rawValue, codec: .lz4, license)
    try writer.add(.text, id: TextSection.modelCard.rawValue, Array("# card\n".utf8))
    try writer.add(.provenance, provenance())
    try extra(&writer)
    var numbers = SeededGenerator(seed: 7)
    for section in Set(tensors.map(\.section)).sorted() {
      try writer.begin(.weights, id: section)
      for (tensor, placement) in zip(tensors, placements) where tensor.section == section {
        try writer.appendZeros(upTo: placement.offset)
        try writer.append(bytes(tensor, &numbers).rawSpan)
      }
      try writer.end()
    }
    _ = try writer.finish()
    return writer.takeSink().bytes
  }

  static func open(_ bytes: [UInt8]) throws(FormatError) -> VialFile {
    try FormatReader.open(ByteRegion(copying: bytes))
  }

  /// The rule that opening breaks, or nil.
  static func openRule(_ bytes: [UInt8]) -> Int? {
    do throws(FormatError) {
      _ = try open(bytes)
      return nil
    } catch {
      return error.rule
    }
  }

  /// The rules that opening or verifying report.
  static func rules(_ bytes: [UInt8]) -> [Int] {
    do throws(FormatError) {
      return try Verifier(try open(bytes)).verify().problems.map(\.rule)
    } catch {
      return [error.rule]
    }
  }
}

// The file of the annotated example in Spec/FORMAT.md.
// Owns: its content. A test compares it with the text byte for byte.
import VialFormat

enum SpecExample {
  static func make() throws -> [UInt8] {
    var writer = FileWriter(MemorySink())
    try writer.add(
      .configuration,
      ModelConfiguration(
        architecture: "llama", hiddenSize: 8, layerCount: 1, headCount: 1,
        keyValueHeadCount: 1, headDimension: 2, hasAttentionBias: false, feedForwardSize: 8,
        vocabularySize: 3, contextLength: 16, normEpsilon: 1e-5, ropeInverseFrequencies: [1],
        isEmbeddingTied: true, bosToken: nil, addsBOS: false, eosTokens: [2]
      ).encoded())
    var table = TensorTableBuilder()
    try table.add("norm", TensorFormat(.f32), shape: [2])
    let matrix = try table.add(
      "w", TensorFormat(.int4, group: 32, isAsymmetric: true), shape: [2, 9])
    try writer.add(.tensorTable, table.build())
    try writer.add(.tokenizer, Array("none".utf8))
    try writer.begin(.weights)
    try writer.append(
      (SampleBytes.littleEndian(Float(1).bitPattern)
        + SampleBytes.littleEndian(Float(-2).bitPattern)).rawSpan)
    try writer.appendZeros(upTo: matrix.offset)
    try writer.append(record().rawSpan)
    try writer.end()
    _ = try writer.finish()
    return writer.takeSink().bytes
  }

  /// Row 0 holds q = 0, 1, … 8 with scale 0.5 and zero 4; row 1 holds q = 15 with scale 1 and zero 0.
  private static func record() -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 256)
    for row in 0..<16 {
      for column in 0..<32 {
        let pad: UInt8 = row == 0 ? 4 : row == 1 ? 0 : 8
        let value: UInt8 = column >= 9 || row > 1 ? pad : row == 0 ? UInt8(column) : 15
        bytes[column / 8 * 64 + row * 4 + column % 4] |= column % 8 < 4 ? value : value << 4
      }
    }
    let scales = (0..<16).flatMap {
      SampleBytes.littleEndian(UInt16($0 == 0 ? 0x3800 : $0 == 1 ? 0x3C00 : 0))
    }
    return bytes + scales + (0..<16).map { $0 == 0 ? 4 : $0 == 1 ? 0 : 8 }
  }
}

enum SampleBytes {
  static func littleEndian<Integer: FixedWidthInteger>(_ value: Integer) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }

  /// Stores bytes as a file does: it grows, with zeros before them.
  static func store(_ content: ArraySlice<UInt8>, at offset: Int, in bytes: inout [UInt8]) {
    let end = offset + content.count
    if bytes.count < end { bytes += [UInt8](repeating: 0, count: end - bytes.count) }
    bytes.replaceSubrange(offset..<end, with: content)
  }
}

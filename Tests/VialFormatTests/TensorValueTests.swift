// Decoding follows the Spec: known numbers, and every half-precision number.
import Testing
import VialFormat

@Suite struct TensorValueTests {
  @Test func exampleOfTheSpec() throws {
    let file = try SampleFile.open(SpecExample.make())
    let matrix = try #require(file.tensors.find("w"))
    #expect(
      (0..<9).map { matrix.value(slice: 0, row: 0, column: $0) } == [
        -2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2,
      ])
    #expect((0..<9).allSatisfy { matrix.value(slice: 0, row: 1, column: $0) == 15 })
    #expect(matrix.value(slice: 0, row: 2, column: 0) == nil)
    #expect(matrix.value(slice: 1, row: 0, column: 0) == nil)
    #expect(matrix.value(slice: 0, row: 0, column: 9) == nil)
    let norm = try #require(file.tensors.find("norm"))
    #expect((0..<2).map { norm.value(slice: 0, row: 0, column: $0) } == [1, -2])
  }

  @Test func floatsInTiles() throws {
    let file = try SampleFile.open(SampleFile.make())
    for (name, scale) in [("b.f16", Float(1)), ("c.bf16", 0)] {
      let tensor = try #require(file.tensors.find(name))
      for row in 0..<tensor.shape.rowCount {
        let bits = UInt16(0x3C00 + row % 16)
        let expected =
          scale == 1 ? 1 + Float(row % 16) / 1024 : Float(bitPattern: UInt32(bits) << 16)
        #expect(tensor.value(slice: 0, row: row, column: 3) == expected)
      }
    }
  }

  #if !(os(macOS) && arch(x86_64))
    @Test func everyHalf() throws {
      // A vector of all finite halves, through a file.
      let halves = (0...UInt16.max).filter { $0 & 0x7C00 != 0x7C00 }
      var writer = FileWriter(MemorySink())
      try writer.add(.configuration, SampleFile.configuration.encoded())
      var table = TensorTableBuilder()
      try table.add("h", TensorFormat(.f16), shape: [16, halves.count / 16])
      try writer.add(.tensorTable, table.build())
      try writer.add(.tokenizer, [1])
      try writer.add(.weights, halves.flatMap { SampleBytes.littleEndian($0) })
      _ = try writer.finish()
      let file = try SampleFile.open(writer.takeSink().bytes)
      let tensor = try #require(file.tensors.find("h"))
      for (index, bits) in halves.enumerated() {
        let value = tensor.value(slice: 0, row: index % 16, column: index / 16)
        #expect(value?.bitPattern == Float(Float16(bitPattern: bits)).bitPattern)
      }
    }
  #endif
}

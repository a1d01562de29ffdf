// Rows of activations lie so that the same column of many rows does not fall on a few sets of a cache.

import Testing
import VialCompute

@Suite struct RowStrideTests {
  @Test(arguments: [1, 15, 16, 17, 256, 1024, 1536, 3584, 8960, 18_944])
  func columnsOfManyRowsFallOnAllSets(width: Int) throws {
    let stride = try #require(RowStride.floats(width: width))
    #expect(stride % 16 == 0)
    // Wide enough, and never by more than what makes the number of lines odd.
    #expect(width..<width + 32 ~= stride)
    #expect(Set((0..<64).map { $0 * stride / 16 % 64 }).count == 64)
  }

  @Test func widthsThatDoNotFitAreRefused() {
    #expect(RowStride.floats(width: .max) == nil)
    #expect(RowStride.floats(width: .max - 64) != nil)
  }
}

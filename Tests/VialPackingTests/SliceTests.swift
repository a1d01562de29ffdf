// How tensors are cut into slices: every tile once, in order, none beyond a slice's length.

import Testing
import VialPacking

@Suite struct SliceTests {
  private let limit = WeightSlices.byteCount

  /// Checks what holds of any slices and returns them.
  private func slices(_ tensors: [(offset: UInt64, tileCount: Int, tileByteCount: Int)])
    -> [WeightSlice]
  {
    let slices = Array(
      WeightSlices(
        tensors.map {
          WeightSlices.Tensor(
            offset: $0.offset, tileCount: $0.tileCount, tileByteCount: $0.tileByteCount,
            sourceByteCount: 1001)
        }))
    var (tensor, tile, end) = (0, 0, UInt64(0))
    for slice in slices {
      #expect(slice.offset >= end)
      #expect(slice.byteCount <= limit || slice.tileCount == 1)
      for part in slice.parts {
        #expect(part.tensor == tensor && part.tiles.lowerBound == tile && !part.tiles.isEmpty)
        let shape = tensors[part.tensor]
        #expect(
          slice.offset + UInt64(part.start) == shape.offset + UInt64(tile * shape.tileByteCount))
        tile = part.tiles.upperBound
        end = shape.offset + UInt64(tile * shape.tileByteCount)
        if tile == shape.tileCount { (tensor, tile) = (tensor + 1, 0) }
      }
      #expect(end == slice.offset + UInt64(slice.byteCount))
      for index in 0..<slice.tileCount {
        let (part, tile) = slice.tile(index)
        #expect(part.tiles.contains(tile))
      }
    }
    #expect(tensor == tensors.count && tile == 0)
    #expect(slices.reduce(0) { $0 + $1.sourceByteCount } == UInt64(1001 * tensors.count))
    return slices
  }

  @Test func smallTensorsShareASlice() {
    #expect(slices([(0, 1, 100), (128, 3, 64), (4096, 1, 4)]).count == 1)
    #expect(slices([]).isEmpty)
  }

  @Test func largeTensorsAreCut() {
    // 100 tiles of 1 MiB after a vector: 15 fit the first slice.
    let cut = slices([(0, 1, 512), (65_536, 100, 1 << 20), (65_536 + (100 << 20), 1, 512)])
    #expect(cut[0].parts.map(\.tiles) == [0..<1, 0..<15])
    #expect(cut.count == 7)
  }

  @Test func tilesLongerThanASliceStandAlone() {
    #expect(slices([(0, 2, limit + 1), (UInt64(2 * limit + 64), 1, 8)]).count == 3)
    #expect(slices([(0, 1, 8), (64, 1, limit)]).count == 2)
    #expect(slices([(0, 1, limit), (UInt64(limit), 1, 8)]).count == 2)
  }

  /// Offsets come from the table builder; a gap longer than a slice is the writer's to fill.
  @Test func aGapEndsASlice() {
    #expect(slices([(0, 1, 8), (UInt64(limit), 1, 8)]).count == 2)
  }
}

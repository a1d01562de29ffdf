// Drives the tile encoder over one tensor after another: slices of some megabytes, tiles shared out over the
// threads, bytes handed on in file order. Memory does not grow with the model.
// Must not: know the file format; the caller writes the slices.

import Synchronization
import VialSystem

/// Encodes tensors slice by slice on a thread pool.
struct WeightsEncoder {
  /// Target size of a slice's output in bytes.
  static let sliceByteCount = 8 << 20

  private let pool: ThreadPool
  private var slice: [UInt8] = []

  /// An encoder on `pool`.
  init(pool: ThreadPool) { self.pool = pool }

  /// Encodes one tensor and hands its bytes, in order, to `sink`.
  ///
  /// - Parameter progress: called after each slice with the number of rows that it finished.
  mutating func encode(
    _ encoder: TensorEncoder, rows: any TensorRows, sink: (borrowing RawSpan) throws -> Void,
    progress: (_ rowCount: Int) throws -> Void
  ) throws {
    switch encoder {
    case .tiles(let tiles):
      try encodeTiles(tiles, rows: rows.prepared(), sink: sink, progress: progress)
    case .vector(let elementCount):
      let scratch = TileScratch(columnCount: elementCount, groupCount: 0)
      let values = UnsafeMutableBufferPointer(start: scratch.values, count: elementCount)
      try rows.read(rows: 0..<1, into: values, scratch: scratch.source)
      for index in values.indices {
        values[index] = Float(bitPattern: values[index].bitPattern.littleEndian)
      }
      try sink(UnsafeRawBufferPointer(values).bytes)
      try progress(1)
    }
  }

  private mutating func encodeTiles(
    _ encoder: TileEncoder, rows: any TensorRows, sink: (borrowing RawSpan) throws -> Void,
    progress: (_ rowCount: Int) throws -> Void
  ) throws {
    let tileByteCount = encoder.tileByteCount
    let tileCount = encoder.tileCount
    let sliceTileCount = max(1, pool.workerCount, Self.sliceByteCount / tileByteCount)
    let scratches = (0..<pool.workerCount).map { _ in encoder.makeScratch() }
    var first = 0
    while first < tileCount {
      let tiles = first..<min(first + sliceTileCount, tileCount)
      let byteCount = tiles.count * tileByteCount
      if slice.count < byteCount { slice = [UInt8](repeating: 0, count: byteCount) }
      try encodeSlice(encoder, rows, tiles, scratches)
      try sink(slice.span.bytes.extracting(first: byteCount))
      let rowEnd = min(tiles.upperBound * TileEncoder.tileRowCount, encoder.rowCount)
      try progress(rowEnd - tiles.lowerBound * TileEncoder.tileRowCount)
      first = tiles.upperBound
    }
  }

  /// Encodes `tiles` into `slice`. Workers claim tiles in ascending order, so the failure that is
  /// reported, the one of the lowest tile, does not depend on their number.
  private mutating func encodeSlice(
    _ encoder: TileEncoder, _ rows: any TensorRows, _ tiles: Range<Int>, _ scratches: [TileScratch]
  ) throws(PackingError) {
    let failure = Mutex<(tile: Int, error: PackingError)?>(nil)
    let next = Atomic<Int>(tiles.lowerBound)
    slice.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      let output = SliceOutput(
        base: base, tileByteCount: encoder.tileByteCount, scratches: scratches)
      pool.run { worker in
        while failure.withLock({ $0 == nil }) {
          let tile = next.add(1, ordering: .relaxed).oldValue
          guard tile < tiles.upperBound else { return }
          do throws(PackingError) {
            try encoder.encode(
              tile: tile, of: rows, scratch: output.scratches[worker],
              into: output.base + (tile - tiles.lowerBound) * output.tileByteCount)
          } catch {
            failure.withLock { if tile < $0?.tile ?? Int.max { $0 = (tile, error) } }
          }
        }
      }
    }
    if let failure = failure.withLock({ $0 }) { throw failure.error }
  }
}

/// What the workers of a slice share: each writes its own tiles and uses its own scratch.
private struct SliceOutput: @unchecked Sendable {
  var base: UnsafeMutablePointer<UInt8>
  var tileByteCount: Int
  var scratches: [TileScratch]
}

// Owns: the encoding of all tensors, slice by slice.
// Must not: know the file format; the caller writes the slices.
// In one phase on the pool the tiles of a slice are encoded by all workers, the slice before it
// goes to the sink on the first one, and the source's digests go on on the last ones: nobody waits
// while somebody has work. Memory does not grow with the model.

import Synchronization
import VialFormat
import VialSystem

/// Encodes the tensors of a file on a thread pool.
struct WeightsEncoder {
  /// A tensor to encode.
  struct Tensor: Sendable {
    var encoder: TensorEncoder
    var rows: any TensorRows
  }

  private let pool: ThreadPool
  private let tensors: [Tensor]
  /// Rows of the tensors of the slice in work, ready to be read many times.
  private var prepared: [Int: any TensorRows] = [:]
  private let scratches: [TileScratch]
  private let digests: SourceDigests
  private var current = SliceBuffer()
  /// What the sink has yet to take.
  private var finished = SliceBuffer()
  private var finishedOffset: UInt64?

  /// An encoder on `pool` that moves `digests` on while it encodes.
  init(_ tensors: [Tensor], pool: ThreadPool, digests: SourceDigests) {
    self.tensors = tensors
    self.pool = pool
    self.digests = digests
    let columnCount = tensors.reduce(1) { max($0, $1.encoder.columnCount) }
    let groupCount = tensors.reduce(1) { max($0, $1.encoder.groupCount) }
    scratches = (0..<pool.workerCount).map { _ in
      TileScratch(columnCount: columnCount, groupCount: groupCount)
    }
  }

  /// Encodes `slice`, and hands the slice before it to `sink` meanwhile; nil only does the latter.
  ///
  /// - Parameter digestByteCount: how much of the source's files to hash meanwhile.
  mutating func encode(
    _ slice: WeightSlice?, digestByteCount: UInt64,
    sink: (_ offset: UInt64, _ bytes: borrowing RawSpan) throws -> Void
  ) throws {
    try prepare(slice)
    current.reset(byteCount: slice?.byteCount ?? 0)
    let work = SliceWork(
      slice: slice, tensors: tensors, rows: prepared, scratches: scratches, output: current)
    var sinkError: (any Error)?
    let (offset, bytes) = (finishedOffset, finished.bytes)
    pool.run { worker in
      if worker == 0, let offset {
        do { try sink(offset, UnsafeRawBufferPointer(bytes).bytes) } catch { sinkError = error }
      }
      // From the last worker down, because the first one writes.
      digests.advance(lane: pool.workerCount - 1 - worker, by: digestByteCount)
      work.run(worker)
    }
    finishedOffset = slice?.offset
    swap(&current, &finished)
    if let sinkError { throw sinkError }
    if let failure = work.failure { throw failure }
    if let failure = digests.failure { throw failure }
  }

  /// Loads what the slice's tensors need as a whole, and lets go of what earlier ones needed.
  private mutating func prepare(_ slice: WeightSlice?) throws(PackingError) {
    let wanted = Set(slice?.parts.map(\.tensor) ?? [])
    prepared = prepared.filter { wanted.contains($0.key) }
    for index in wanted.sorted() where prepared[index] == nil {
      prepared[index] = try tensors[index].rows.prepared()
    }
  }
}

/// What the workers of a phase share: each writes its own tiles and uses its own scratch. Tiles are
/// claimed in ascending order, so the failure that is reported, the one of the lowest tile, does
/// not depend on their number.
private final class SliceWork: @unchecked Sendable {
  private let slice: WeightSlice?
  private let tensors: [WeightsEncoder.Tensor]
  private let rows: [Int: any TensorRows]
  private let scratches: [TileScratch]
  private let output: UnsafeMutableRawBufferPointer
  private let tileCount: Int
  private let next = Atomic<Int>(0)
  private let firstFailure = Mutex<(index: Int, error: PackingError)?>(nil)

  init(
    slice: WeightSlice?, tensors: [WeightsEncoder.Tensor], rows: [Int: any TensorRows],
    scratches: [TileScratch], output: SliceBuffer
  ) {
    self.slice = slice
    self.tensors = tensors
    self.rows = rows
    self.scratches = scratches
    self.output = output.bytes
    tileCount = slice?.tileCount ?? 0
  }

  var failure: PackingError? { firstFailure.withLock { $0?.error } }

  func run(_ worker: Int) {
    guard let slice else { return }
    while failure == nil {
      let index = next.add(1, ordering: .relaxed).oldValue
      guard index < tileCount else { return }
      let (part, tile) = slice.tile(index)
      let tensor = tensors[part.tensor]
      let byteCount = tensor.encoder.tileByteCount
      let start = part.start + (tile - part.tiles.lowerBound) * byteCount
      let destination = UnsafeMutableRawBufferPointer(rebasing: output[start..<start + byteCount])
      do throws(PackingError) {
        try tensor.encoder.encode(
          tile: tile, of: rows[part.tensor] ?? tensor.rows, scratch: scratches[worker],
          into: destination)
      } catch {
        firstFailure.withLock { if index < $0?.index ?? Int.max { $0 = (index, error) } }
      }
    }
  }
}

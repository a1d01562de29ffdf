// Owns: working memory for adapters: t = A·x of every row, and each worker's scratch for B·t.
// Must not: exist for a model without adapters.

import VialCompute
import VialSystem

/// Memory of the low-rank products of a step.
final class AdapterBuffers: @unchecked Sendable {
  /// Rows and outputs whose B·t a worker computes at once: 16 KiB, so that they stay in its first
  /// cache.
  static let rowsAtOnce = 16
  static let tilesAtOnce = 16

  /// Floats from one row's t to the next one's.
  let stride: Int
  private let memory: WorkMemory
  private let scratchOffset: Int
  private static let scratchByteCount =
    rowsAtOnce * tilesAtOnce * Tile.rows * MemoryLayout<Float>.stride

  /// nil when memory is short.
  init?(width: Int, maximumRows: Int, workerCount: Int, source: MemorySource?) {
    let (floats, first) = width.multipliedReportingOverflow(by: maximumRows)
    let (bytes, second) = floats.multipliedReportingOverflow(by: 4)
    let (scratch, third) = Self.scratchByteCount.multipliedReportingOverflow(by: workerCount)
    guard !first, !second, !third, bytes < Int.max / 2, scratch < Int.max / 4 else { return nil }
    // Workers begin on pages of their own.
    scratchOffset = Page.roundDown(bytes + Page.byteCount - 1)
    guard let memory = WorkMemory(byteCount: scratchOffset + scratch, source: source) else {
      return nil
    }
    self.memory = memory
    stride = width
  }

  /// `[row][stride]`.
  var intermediate: UnsafeMutablePointer<Float> { memory.base.assumingMemoryBound(to: Float.self) }

  /// Wipes the first `rows` rows, and what workers have in work.
  func wipe(rows: Int) {
    memory.wipe(byteCount: min(scratchOffset, rows * stride * 4))
    memory.wipe(from: scratchOffset, byteCount: memory.byteCount - scratchOffset)
  }

  /// `[rowsAtOnce][tilesAtOnce * Tile.rows]` of one worker.
  func scratch(_ worker: Int) -> UnsafeMutablePointer<Float> {
    (memory.base + scratchOffset + worker * Self.scratchByteCount)
      .assumingMemoryBound(to: Float.self)
  }
}

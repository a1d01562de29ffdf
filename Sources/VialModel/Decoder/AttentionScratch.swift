// Owns: each worker's memory for attention: kernel scratch and the block table of a layer and head.
// Must not: be shared between workers.

import VialCompute
import VialSystem

/// Per-worker memory for attention.
final class AttentionScratch: @unchecked Sendable {
  /// Query tokens that a work item holds; more of them reuse each load of a key, fewer balance
  /// better.
  static let queriesPerItem = 16

  private let memory: WorkMemory
  private let stride: Int
  private let kernelByteCount: Int

  init?(shape: DecoderShape, contextLength: Int, workerCount: Int, source: MemorySource?) {
    let kernel = Attention.scratchByteCount(
      headDimension: shape.headDimension, headCount: shape.queriesPerKV,
      queryCount: Self.queriesPerItem)
    let list = (contextLength / KVCacheLayout.positionsPerBlock + 1) * MemoryLayout<Int>.stride
    // Rounded to pages, so that two workers never write the same cache line.
    let (sum, first) = kernel.addingReportingOverflow(
      list + Page.byteCount + CacheLine.byteCount)
    let (total, second) = Page.roundDown(sum).multipliedReportingOverflow(by: workerCount)
    guard kernel > 0, !first, !second,
      let memory = WorkMemory(byteCount: total, source: source)
    else { return nil }
    self.memory = memory
    self.stride = Page.roundDown(sum)
    self.kernelByteCount = CacheLine.roundUp(kernel)
  }

  func memory(_ worker: Int) -> UnsafeMutableRawPointer { memory.base + worker * stride }

  /// Wipes what one worker has computed with, and where the blocks lie.
  func wipe(_ worker: Int) { memory.wipe(from: worker * stride, byteCount: stride) }

  func blocks(_ worker: Int) -> UnsafeMutablePointer<UnsafePointer<UInt8>?> {
    (memory.base + worker * stride + kernelByteCount)
      .assumingMemoryBound(to: UnsafePointer<UInt8>?.self)
  }
}

// Owns: what a runner of one model may use.
// Must not: know requests.

package import VialSystem

/// How a runner computes, and its memory.
package struct RunnerOptions: Sendable {
  /// How to compute.
  package var compute: ComputeOptions
  /// Blocks of the KV cache, for all sequences together.
  package var blockCount: Int
  /// Where large buffers come from; nil: the system.
  package var memory: MemorySource?
  /// Whether the KV cache and all other buffers are to be kept out of swap, as far as the system
  /// allows. Otherwise the others are while they fit into half of what the process may lock.
  package var locksMemory = false

  /// Options for a KV cache of so many blocks.
  package init(compute: ComputeOptions = ComputeOptions(), blockCount: Int) {
    self.compute = compute
    self.blockCount = blockCount
  }

  /// Options for a KV cache of so many positions, rounded up to blocks.
  package init(compute: ComputeOptions = ComputeOptions(), positionCount: Int) {
    self.init(compute: compute, blockCount: TokenSequence.blockCount(for: positionCount))
  }
}

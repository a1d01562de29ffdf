// Owns: what a runner of one model may use.
// Must not: know requests.

package import VialSystem

/// How a runner computes, and its memory.
package struct RunnerOptions: Sendable {
  /// How to compute.
  package var compute: ComputeOptions
  /// The KV cache, for all sequences together.
  package var cache: CacheSize
  /// Where large buffers come from; nil: the system.
  package var memory: MemorySource?
  /// Whether the KV cache and all other buffers are to be kept out of swap, as far as the system
  /// allows. Otherwise the others are while they fit into half of what the process may lock.
  package var locksMemory = false

  /// How large a KV cache is.
  package enum CacheSize: Sendable {
    case blocks(Int)
    /// Blocks for so many positions, however they are divided among texts.
    case positions(Int)
  }

  /// Options for a KV cache of so many blocks.
  package init(compute: ComputeOptions = ComputeOptions(), blockCount: Int) {
    self.compute = compute
    cache = .blocks(blockCount)
  }

  /// Options for a KV cache of so many positions, rounded up to rows.
  package init(compute: ComputeOptions = ComputeOptions(), positionCount: Int) {
    self.compute = compute
    cache = .positions(positionCount)
  }
}

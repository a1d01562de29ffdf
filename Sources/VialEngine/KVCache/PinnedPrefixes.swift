// Owns: prefixes that the host wants to stay in the cache: their blocks are held until their request is closed.
// Must not: take more than half of the KV memory, or others could starve.

import VialSystem

/// Sequences that are computed and held.
struct PinnedPrefixes {
  private var pins: [ActiveRequest] = []

  /// Blocks that they hold.
  var blockCount: Int { pins.reduce(0) { $0 + $1.sequence.blockCount } }

  /// Whether some prefix is there for all tenants.
  var hasCommon: Bool { pins.contains { $0.request.plan.tenant.isEmpty } }

  /// Holds a prefix that was computed.
  mutating func hold(_ active: ActiveRequest) {
    active.isHeld = true
    active.sequence.releasePartialBlock()
    pins.append(active)
  }

  /// Lets go of those whose request was closed. What they held stays in the cache until its memory is needed, but
  /// nobody else's tenant finds it once no prefix is common.
  mutating func releaseClosed() {
    for pin in pins where pin.request.isDetached { pin.sequence.releaseBlocks() }
    pins.removeAll { $0.request.isDetached }
  }
}

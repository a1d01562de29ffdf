// Owns: pinned prefixes: their blocks stay referenced until their request is closed.
// Must not: take more than half of the KV memory, or others could starve.

import VialSystem

/// Sequences that are computed and stay in the cache.
struct PinnedPrefixes {
  private var pins: [ActiveRequest] = []

  /// Blocks that they reference.
  var blockCount: Int { pins.reduce(0) { $0 + $1.sequence.heldBlockCount } }

  /// Whether some prefix is there for all tenants.
  var hasCommon: Bool { pins.contains { $0.request.plan.options.tenant.isEmpty } }

  /// Pins a prefix that was computed.
  mutating func pin(_ active: ActiveRequest) {
    active.isPinned = true
    active.sequence.releasePartialRow()
    pins.append(active)
  }

  /// Releases those whose request was closed. Their blocks stay cached until they are evicted, but
  /// no other tenant finds them once no prefix is common.
  mutating func releaseClosed() {
    for pin in pins where pin.request.isDetached { pin.sequence.releaseBlocks() }
    pins.removeAll { $0.request.isDetached }
  }
}

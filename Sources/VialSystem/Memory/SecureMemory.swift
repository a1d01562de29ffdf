// Owns: which arena this process's secret bytes come from, and that they are wiped before they go
// back.
// Must not: know what they are.

internal import CSodium
internal import CVialMemory
import Synchronization

/// Memory for patient text: whole pages of its own, locked where the system allows it, left out of
/// core dumps, wiped when released, and zeros in the child of a fork.
package enum SecureMemory {
  /// How much memory there is for secrets, used or not.
  package struct Usage: Sendable, Equatable {
    /// Bytes that cannot reach swap.
    package var lockedByteCount: Int
    /// Bytes that can: the limit on locked memory (RLIMIT_MEMLOCK) was reached, or nobody asked.
    package var unlockedByteCount: Int
    /// Bytes that may be in a core dump: the system refused to leave them out.
    package var dumpableByteCount: Int

    package init(
      lockedByteCount: Int = 0, unlockedByteCount: Int = 0, dumpableByteCount: Int = 0
    ) {
      self.lockedByteCount = lockedByteCount
      self.unlockedByteCount = unlockedByteCount
      self.dumpableByteCount = dumpableByteCount
    }

    /// Counts `count` pieces of memory more.
    mutating func add(_ byteCount: Int, count: Int, isLocked: Bool, isHidden: Bool) {
      if isLocked {
        lockedByteCount += count * byteCount
      } else {
        unlockedByteCount += count * byteCount
      }
      if !isHidden { dumpableByteCount += count * byteCount }
    }
  }

  /// What this process has at the moment.
  package static var usage: Usage { arena.usage }

  /// Zeros at a multiple of 64, or nil when memory is short. Any thread.
  static func allocate(byteCount: Int) -> SecureBlock? { arena.allocate(byteCount: byteCount) }

  /// Wipes a block and gives it back. Any thread.
  static func release(_ block: SecureBlock) {
    // The parent's, in the child of a fork: its pages are zeros, and its lock may be held by nobody
    // who is here.
    guard block.processID == RunningProcess.identifier else { return }
    sodium_memzero(block.base, block.byteCount)
    arena.release(block)
  }

  /// Has floors that cannot know this one, and work on text, take their memory from here, too.
  package static func serveTexts() {
    vial_set_secret_source(
      vial_secret_source(
        allocate: { byteCount, note in
          guard let block = SecureMemory.allocate(byteCount: max(1, byteCount)) else { return nil }
          note?.pointee = block.slab.toOpaque()
          return block.base
        },
        release: { memory, byteCount, note in
          guard let memory, let note else { return }
          let slab = Unmanaged<SecureSlab>.fromOpaque(note)
          SecureMemory.release(
            SecureBlock(
              base: memory, byteCount: max(1, byteCount),
              processID: slab._withUnsafeGuaranteedRef { $0.processID }, slab: slab))
        }))
  }

  private static let current = Atomic<Unmanaged<SecureArena>?>(nil)

  /// This process's arena. The child of a fork gets one of its own, as it does a registry of
  /// handles.
  private static var arena: SecureArena {
    let processID = RunningProcess.identifier
    var known = current.load(ordering: .acquiring)
    while true {
      if let arena = known?.takeUnretainedValue(), arena.processID == processID { return arena }
      let fresh = Unmanaged.passRetained(SecureArena(processID: processID))
      let (exchanged, original) = current.compareExchange(
        expected: known, desired: fresh, ordering: .acquiringAndReleasing)
      if exchanged { return fresh.takeUnretainedValue() }
      fresh.release()
      known = original
    }
  }
}

/// A piece of an arena.
package struct SecureBlock: @unchecked Sendable {
  /// First byte, at a multiple of 64.
  package let base: UnsafeMutableRawPointer
  /// Bytes that were asked for.
  package let byteCount: Int
  /// The process that has it.
  package let processID: Int32
  /// Where it lies; alive as long as it has a block.
  let slab: Unmanaged<SecureSlab>
}

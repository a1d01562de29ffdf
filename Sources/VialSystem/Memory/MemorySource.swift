// Owns: where an engine's large buffers come from, whether they are to be locked, and how much of
// them is.
// Must not: know what is in them.

/// Where large buffers come from.
public struct MemorySource: Sendable {
  /// Lends `byteCount` bytes, aligned to 4096, or nil when memory is short. Any thread.
  public typealias Allocate = @Sendable (_ byteCount: Int) -> UnsafeMutableRawPointer?
  /// Takes back what was lent. Any thread.
  public typealias Release =
    @Sendable (_ memory: UnsafeMutableRawPointer, _ byteCount: Int) -> Void

  /// The caller's memory; nil: the system's.
  let lender: (allocate: Allocate, release: Release)?
  /// Which pages are to be kept out of swap.
  let locking: MemoryLocking
  /// Counts what comes from here; nil: nobody asks.
  let account: MemoryAccount?

  /// Memory that the caller manages.
  public init(allocate: @escaping Allocate, release: @escaping Release) {
    lender = (allocate, release)
    locking = .within
    account = nil
  }

  /// Memory of `other`, or of the system when that is nil, which is locked and counted.
  package init(_ other: MemorySource?, locking: MemoryLocking, account: MemoryAccount) {
    lender = other?.lender
    self.locking = locking
    self.account = account
  }
}

/// Which large buffers are kept out of swap.
package enum MemoryLocking: Sendable {
  /// None.
  case never
  /// Those that fit into half of what this process may lock: the other half is for patients' text.
  case within
  /// All that the system allows.
  case always
}

/// How much memory something has, by what is promised of it. Any thread.
package final class MemoryAccount: Sendable {
  private let counted = Locked(SecureMemory.Usage())

  /// Counts nothing yet.
  package init() {}

  /// Bytes that cannot reach swap.
  package var lockedByteCount: Int { counted.withLock(\.lockedByteCount) }
  /// Bytes that can.
  package var unlockedByteCount: Int { counted.withLock(\.unlockedByteCount) }
  /// Bytes that may be in a core dump.
  package var dumpableByteCount: Int { counted.withLock(\.dumpableByteCount) }

  func add(_ byteCount: Int, count: Int, isLocked: Bool, isHidden: Bool) {
    counted.withLock {
      $0.add(byteCount, count: count, isLocked: isLocked, isHidden: isHidden)
    }
  }
}

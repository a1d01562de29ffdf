// Owns: what one call may cost, counted down.
// Must not: measure time (a result must not depend on the machine), or give anything back.

/// Work and memory that one call may spend on what a file or a caller stated.
///
/// Work is counted in steps of a few nanoseconds: a node visited, a member looked at, a few bytes
/// copied. Memory is counted when something is made, not when it is dropped. So the same input
/// succeeds or fails everywhere, and no way of going back and trying again is free.
public struct WorkBudget: Sendable {
  /// Steps that are left.
  public private(set) var work: Int
  /// Bytes that are left.
  public private(set) var byteCount: Int

  /// A budget of `work` steps and `byteCount` bytes.
  public init(work: Int, byteCount: Int) {
    self.work = max(0, work)
    self.byteCount = max(0, byteCount)
  }

  /// Spends `count` times `steps`; false when that is more than is left, and then nothing is left.
  @inline(__always)
  public mutating func spend(_ count: Int, times steps: Int = 1) -> Bool {
    Self.take(count, steps, from: &work)
  }

  /// Notes that `count` elements of `size` bytes are made; false when that is more than is left,
  /// and then nothing is.
  @inline(__always)
  public mutating func reserve(_ count: Int, of size: Int = 1) -> Bool {
    Self.take(count, size, from: &byteCount)
  }

  @inline(__always)
  private static func take(_ count: Int, _ size: Int, from left: inout Int) -> Bool {
    let (amount, overflow) = count.multipliedReportingOverflow(by: size)
    guard !overflow, amount >= 0, amount <= left else {
      left = 0
      return false
    }
    left &-= amount
    return true
  }
}

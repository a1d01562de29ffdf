// Owns: the static division of work into contiguous portions: each worker streams one range of the
// file.
// Must not: influence a result; the contract makes every partition give the same bits.

/// Splits `0 ..< count` among workers.
public enum WorkPortion {
  /// Worker `worker`'s contiguous portion, a multiple of `grain` long except for the last one.
  /// O(1).
  @inlinable
  public static func range(
    of count: Int, worker: Int, of workers: Int, grain: Int = 1
  ) -> Range<Int> {
    let units = (count + grain - 1) / grain
    let lower = units * worker / workers * grain
    let upper = units * (worker + 1) / workers * grain
    return min(lower, count)..<min(upper, count)
  }
}

// Owns: work stealing: contiguous portions for workers that are not equally fast; whoever is done
// first steals from the end of the others'.
// Must not: influence a result; the contract makes every partition give the same bits.

import Synchronization

/// Hands out `0 ..< count` to workers, each unit once.
///
/// A worker walks through its own contiguous portion, so that it streams one range of the file; a
/// worker without work takes pieces from the end of the longest remaining portion.
public final class WorkQueue: @unchecked Sendable {
  private let workerCount: Int
  /// Per worker: the first unit that is left in the low half, the first after the last one in the
  /// high half. A cache line each.
  private let portions: UnsafeMutablePointer<Atomic<UInt64>>
  private static let stride = CacheLine.byteCount / MemoryLayout<Atomic<UInt64>>.stride

  /// An empty queue for workers `0 ..< workerCount`.
  public init(workerCount: Int) {
    self.workerCount = workerCount
    portions = .allocate(capacity: workerCount * Self.stride)
    for index in 0..<workerCount * Self.stride { (portions + index).initialize(to: Atomic(0)) }
  }

  deinit {
    portions.deinitialize(count: workerCount * Self.stride)
    portions.deallocate()
  }

  /// Starts over with `0 ..< count`, fewer than 2^32 units; portions begin at multiples of `grain`.
  /// Before the phase, not in it.
  /// - Parameter activeCount: how many workers, from 0 on, get a portion; nil: all. The others take
  ///   from these.
  public func fill(_ count: Int, grain: Int = 1, activeCount: Int? = nil) {
    let owners = min(workerCount, max(1, activeCount ?? workerCount))
    for worker in 0..<workerCount {
      let portion =
        worker < owners
        ? WorkPortion.range(of: count, worker: worker, of: owners, grain: grain) : count..<count
      portions[worker * Self.stride].store(Self.packed(portion), ordering: .relaxed)
    }
  }

  /// The next units for `worker`; nil when nothing is left. The portion's own worker gets what is
  /// left of it divided by `divisor`, at least `grain` units and always a multiple of it except at
  /// the end; others get at most `grain`.
  public func take(_ worker: Int, grain: Int, divisor: Int = .max) -> Range<Int>? {
    if let units = takeFirst(worker, grain, divisor) { return units }
    while let victim = longestPortion() {
      if let units = takeLast(victim, grain) { return units }
    }
    return nil
  }

  private func takeFirst(_ worker: Int, _ grain: Int, _ divisor: Int) -> Range<Int>? {
    var word = portions[worker * Self.stride].load(ordering: .relaxed)
    while true {
      let left = Self.unpacked(word)
      guard !left.isEmpty else { return nil }
      let part = max(1, left.count / divisor / grain) * grain
      let end = min(left.upperBound, left.lowerBound + part)
      let (done, now) = portions[worker * Self.stride].compareExchange(
        expected: word, desired: Self.packed(end..<left.upperBound), ordering: .relaxed)
      if done { return left.lowerBound..<end }
      word = now
    }
  }

  private func takeLast(_ victim: Int, _ grain: Int) -> Range<Int>? {
    let word = portions[victim * Self.stride].load(ordering: .relaxed)
    let left = Self.unpacked(word)
    guard !left.isEmpty else { return nil }
    // Up to a multiple of the grain, so that the portion's own worker keeps whole pieces.
    let begin = left.lowerBound + (left.count - 1) / grain * grain
    let (done, _) = portions[victim * Self.stride].compareExchange(
      expected: word, desired: Self.packed(left.lowerBound..<begin), ordering: .relaxed)
    return done ? begin..<left.upperBound : nil
  }

  private func longestPortion() -> Int? {
    var (longest, most) = (0, 0)
    for worker in 0..<workerCount {
      let left = Self.unpacked(portions[worker * Self.stride].load(ordering: .relaxed)).count
      if left > most { (longest, most) = (worker, left) }
    }
    return most > 0 ? longest : nil
  }

  private static func packed(_ range: Range<Int>) -> UInt64 {
    UInt64(UInt32(range.lowerBound)) | UInt64(UInt32(range.upperBound)) << 32
  }

  private static func unpacked(_ word: UInt64) -> Range<Int> {
    Int(UInt32(truncatingIfNeeded: word))..<Int(word >> 32)
  }
}

// Owns: the barrier of a thread pool: who runs which worker in a phase, who waits for what, and
// how.
// Must not: know what is computed, or decide how many threads there are.
//
// Each worker of a phase is claimed once, by whoever runs it. A thread claims the worker of its own
// number, so that it finds its part of the weights where it left it; those without a thread are
// claimed by whoever is done. The caller claims what nobody has begun when it has waited for a
// while: a thread that the system keeps from its processor then holds up nobody.

internal import CVialSystem
import Synchronization

/// A phase in one word, so that all of it is read at once.
private struct Phase {
  /// 42 bits of number, then 11 each for the workers and the threads that run them.
  let word: UInt64
  private static let countBits: UInt64 = 11
  private static let countMask: UInt64 = 1 << countBits - 1
  private static let numberMask: UInt64 = 1 << 42 - 1

  init(word: UInt64) { self.word = word }

  init(after before: Phase, workerCount: Int, threadCount: Int) {
    word =
      (before.number &+ 1) << (2 * Self.countBits) | UInt64(workerCount) << Self.countBits
      | UInt64(threadCount)
  }

  /// Counts up, and from 0 again after months of computing.
  var number: UInt64 { word >> (2 * Self.countBits) }
  var workerCount: Int { Int(word >> Self.countBits & Self.countMask) }
  var threadCount: Int { Int(word & Self.countMask) }

  /// Whether a phase's number is later than another one's.
  static func isLater(_ number: UInt64, than other: UInt64) -> Bool {
    let distance = (number &- other) & numberMask
    return distance != 0 && distance <= numberMask / 2
  }
}

/// Threads wait for `phase` to change, the caller waits for `pending` to be 0.
final class PhaseBarrier: @unchecked Sendable {
  /// How often to look before going to sleep, about 50 microseconds, and before taking over what
  /// others have not begun.
  private static let spinLimit = 1000
  private static let turns = 64
  /// Threads of all pools of the process that compute or spin; a pool that has any counts one more,
  /// its caller.
  private static let awakeCount = Atomic<Int>(0)

  /// Written by the caller before `phase` changes, read by threads after.
  private var body: ((Int) -> Void)?
  /// The caller's.
  private var turn: UInt8 = 0
  private let capacity: Int
  private let phase = Atomic<UInt64>(0)
  /// Workers that were not run to their end, worker 0 aside.
  private let pending = Atomic<UInt32>(0)
  /// For each worker the number of the last phase in which it was claimed. A cache line each.
  private let claims: UnsafeMutablePointer<Atomic<UInt64>>
  private static let stride = 64 / MemoryLayout<Atomic<UInt64>>.stride
  private let stops = Atomic<Bool>(false)
  private let sleepers = Atomic<UInt32>(0)
  /// Of `awakeCount`, this pool's threads.
  private let awake = Atomic<Int>(0)
  private let callerSleeps = Atomic<Bool>(false)
  private let processors: Atomic<Int>
  /// Accessed atomically only; in memory of their own, because the system sleeps on their
  /// addresses.
  private let words: UnsafeMutablePointer<UInt32>
  /// Where threads of the current phase sleep, where those sleep that have no processor, where the
  /// caller does.
  private var gate: UnsafeMutablePointer<UInt32> { words }
  private var bench: UnsafeMutablePointer<UInt32> { words + 16 }
  private var seat: UnsafeMutablePointer<UInt32> { words + 32 }

  /// - Parameter capacity: most workers of a phase, at most 1,024.
  init(capacity: Int, processorCount: Int) {
    self.capacity = capacity
    processors = Atomic(max(1, processorCount))
    words = .allocate(capacity: 48)
    words.initialize(repeating: 0, count: 48)
    claims = .allocate(capacity: capacity * Self.stride)
    for index in 0..<capacity * Self.stride { (claims + index).initialize(to: Atomic(0)) }
  }

  deinit {
    words.deallocate()
    claims.deinitialize(count: capacity * Self.stride)
    claims.deallocate()
  }

  /// What the process may use, 1 or more. When more threads than that are awake, waiting ones sleep
  /// at once.
  var processorCount: Int {
    get { processors.load(ordering: .relaxed) }
    set { processors.store(max(1, newValue), ordering: .relaxed) }
  }

  // MARK: The caller

  /// Whether it is time to look at the clock: once in 256 times.
  func isTurnToLook() -> Bool {
    turn &+= 1
    return turn == 0
  }

  /// Runs workers 0 ..< `workerCount` on `threadCount` threads: the caller and those with the
  /// numbers below. Worker 0 is the caller's.
  func run(_ body: @escaping (Int) -> Void, workerCount: Int, threadCount: Int) {
    guard threadCount > 1 else {
      for worker in 0..<workerCount { body(worker) }
      return
    }
    self.body = body
    pending.store(UInt32(workerCount - 1), ordering: .relaxed)
    let number = publish(workerCount: workerCount, threadCount: threadCount)
    body(0)
    finish(runUnclaimed(threadCount..<workerCount, number))
    waitForThreads(1..<threadCount, number)
    self.body = nil
  }

  /// Ends all threads.
  func stop() {
    stops.store(true, ordering: .releasing)
    _ = publish(workerCount: capacity, threadCount: capacity)
  }

  /// Starts the next phase and wakes whoever sleeps and takes part; returns its number.
  private func publish(workerCount: Int, threadCount: Int) -> UInt64 {
    let before = Phase(word: phase.load(ordering: .relaxed))
    let now = Phase(after: before, workerCount: workerCount, threadCount: threadCount)
    phase.store(now.word, ordering: .sequentiallyConsistent)
    if sleepers.load(ordering: .sequentiallyConsistent) > 0 { wake(gate) }
    if threadCount > before.threadCount { wake(bench) }
    return now.number
  }

  private func waitForThreads(_ others: Range<Int>, _ number: UInt64) {
    func isDone() -> Bool? { pending.load(ordering: .acquiring) == 0 ? true : nil }
    if spin(Self.turns, isDone) != nil { return }
    finish(runUnclaimed(others, number))
    if spin(Self.spinLimit, isDone) != nil { return }
    callerSleeps.store(true, ordering: .sequentiallyConsistent)
    defer { callerSleeps.store(false, ordering: .sequentiallyConsistent) }
    while true {
      let word = vial_load_word(seat)
      if pending.load(ordering: .sequentiallyConsistent) == 0 { return }
      Self.awakeCount.subtract(1, ordering: .relaxed)
      vial_wait_on(seat, word)
      Self.awakeCount.add(1, ordering: .relaxed)
    }
  }

  // MARK: A thread

  /// A thread's life. Its number is `index`, 1 or more.
  func work(as index: Int) {
    noteAwake()
    defer { noteAsleep() }
    var seen = Phase(word: 0)
    while true {
      seen = waitForPhase(after: seen, as: index)
      if stops.load(ordering: .acquiring) { return }
      let count =
        runUnclaimed(index..<index + 1, seen.number)
        + runUnclaimed(seen.threadCount..<seen.workerCount, seen.number)
      if finish(count), callerSleeps.load(ordering: .sequentiallyConsistent) { wake(seat) }
    }
  }

  /// Waits for a phase in which the thread takes part.
  private func waitForPhase(after seen: Phase, as index: Int) -> Phase {
    func current() -> Phase { Phase(word: phase.load(ordering: .sequentiallyConsistent)) }
    func started() -> Phase? {
      let now = current()
      return now.word != seen.word && now.threadCount > index ? now : nil
    }
    if seen.threadCount > index, let now = spin(Self.spinLimit, started) { return now }
    while true {
      let takesPart = current().threadCount > index
      let slot = takesPart ? gate : bench
      if takesPart { sleepers.add(1, ordering: .sequentiallyConsistent) }
      defer { if takesPart { sleepers.subtract(1, ordering: .sequentiallyConsistent) } }
      // The word is read before the phase: a change in between makes the sleep return at once.
      let word = vial_load_word(slot)
      if let now = started() { return now }
      noteAsleep()
      vial_wait_on(slot, word)
      noteAwake()
    }
  }

  private func noteAwake() {
    let isFirst = awake.add(1, ordering: .relaxed).oldValue == 0
    Self.awakeCount.add(isFirst ? 2 : 1, ordering: .relaxed)
  }

  private func noteAsleep() {
    let isLast = awake.subtract(1, ordering: .relaxed).newValue == 0
    Self.awakeCount.subtract(isLast ? 2 : 1, ordering: .relaxed)
  }

  // MARK: Workers

  /// Runs those of some workers that nobody has claimed in phase `number`; returns how many. In a
  /// phase that is over all are claimed, so a thread that comes late runs none.
  private func runUnclaimed(_ workers: Range<Int>, _ number: UInt64) -> UInt32 {
    var count: UInt32 = 0
    for worker in workers where claim(worker, number) {
      runBody(worker)
      count += 1
    }
    return count
  }

  private func claim(_ worker: Int, _ number: UInt64) -> Bool {
    let slot = worker * Self.stride
    let last = claims[slot].load(ordering: .relaxed)
    guard Phase.isLater(number, than: last) else { return false }
    return claims[slot].compareExchange(
      expected: last, desired: number, ordering: .acquiringAndReleasing
    ).exchanged
  }

  /// Not inlined: the thread's hold on the body must end before it reports that it is done.
  @inline(never)
  private func runBody(_ worker: Int) { body?(worker) }

  /// Reports workers that were run; whether they were the last ones.
  @discardableResult
  private func finish(_ count: UInt32) -> Bool {
    count > 0 && pending.subtract(count, ordering: .sequentiallyConsistent).newValue == 0
  }

  // MARK: Waiting

  /// Looks so many times; nil when it is time to sleep. Whoever spins while more threads are awake
  /// than there are processors keeps the one from its work that it waits for.
  private func spin<Result>(_ limit: Int, _ look: () -> Result?) -> Result? {
    for turn in 0..<limit {
      if let result = look() { return result }
      if turn % 16 == 15,
        Self.awakeCount.load(ordering: .relaxed) > processors.load(ordering: .relaxed)
      {
        return nil
      }
      vial_spin_pause()
    }
    return nil
  }

  private func wake(_ word: UnsafeMutablePointer<UInt32>) {
    vial_bump_word(word)
    vial_wake_all(word)
  }
}

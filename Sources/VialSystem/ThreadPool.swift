// Owns: the threads that compute, and the barrier between phases: spin briefly, then sleep.
// Must not: know what is computed, allocate per phase, or spin while idle.

internal import CVialSystem
import Synchronization

/// A fixed number of workers that run one body together; the caller is worker 0.
///
/// `run` from one thread at a time. A phase costs well under a microsecond while the workers spin and a
/// few microseconds when they have gone to sleep.
public final class ThreadPool: @unchecked Sendable {
  /// Workers, the caller included.
  public let workerCount: Int
  private let shared: SharedState
  private var threads: [SystemThread] = []

  /// Starts `workerCount - 1` threads; when the system refuses some, the pool is that much smaller.
  public init(workerCount wanted: Int) {
    let shared = SharedState()
    var threads: [SystemThread] = []
    while threads.count + 1 < min(max(1, wanted), 1024) {
      let index = threads.count + 1
      guard let thread = SystemThread({ shared.work(as: index) }) else { break }
      threads.append(thread)
    }
    self.shared = shared
    self.threads = threads
    self.workerCount = threads.count + 1
  }

  deinit {
    shared.stops.store(true, ordering: .releasing)
    shared.publishPhase()
    for thread in threads { thread.join() }
  }

  /// Runs `body(worker)` on every worker and returns when all are done.
  public func run(_ body: (Int) -> Void) {
    guard workerCount > 1 else { return body(0) }
    withoutActuallyEscaping(body) { body in
      shared.body = body
      shared.pending.store(UInt32(workerCount - 1), ordering: .relaxed)
      shared.publishPhase()
      body(0)
      shared.waitForWorkers()
      shared.body = nil
    }
  }
}

/// The barrier. `phase` counts up; workers wait for it to change, the caller waits for `pending` to be 0.
private final class SharedState: @unchecked Sendable {
  /// How often to look before going to sleep: about 50 microseconds.
  private static let spinLimit = 1000

  let stops = Atomic<Bool>(false)
  let pending = Atomic<UInt32>(0)
  /// Written by the caller before `phase` changes, read by workers after.
  var body: ((Int) -> Void)?
  /// Accessed atomically only; in memory of its own, because the system sleeps on its address.
  private let words: UnsafeMutablePointer<UInt32>
  private let sleepers = Atomic<UInt32>(0)
  private let phase = Atomic<UInt32>(0)
  private let callerSleeps = Atomic<Bool>(false)

  init() {
    words = .allocate(capacity: 32)
    words.initialize(repeating: 0, count: 32)
  }

  deinit { words.deallocate() }

  /// Starts the next phase and wakes whoever sleeps.
  func publishPhase() {
    phase.add(1, ordering: .sequentiallyConsistent)
    if sleepers.load(ordering: .sequentiallyConsistent) > 0 {
      vial_bump_word(words)
      vial_wake_all(words)
    }
  }

  func work(as index: Int) {
    var seen: UInt32 = 0
    while true {
      seen = waitForPhase(after: seen)
      if stops.load(ordering: .acquiring) { return }
      runBody(index)
      if pending.subtract(1, ordering: .sequentiallyConsistent).newValue == 0,
        callerSleeps.load(ordering: .sequentiallyConsistent)
      {
        vial_bump_word(words + 16)
        vial_wake_all(words + 16)
      }
    }
  }

  /// Not inlined: the worker's hold on the body must end before it reports that it is done.
  @inline(never)
  private func runBody(_ index: Int) { body?(index) }

  private func waitForPhase(after seen: UInt32) -> UInt32 {
    for _ in 0..<Self.spinLimit {
      let now = phase.load(ordering: .acquiring)
      if now != seen { return now }
      vial_spin_pause()
    }
    sleepers.add(1, ordering: .sequentiallyConsistent)
    defer { sleepers.subtract(1, ordering: .sequentiallyConsistent) }
    while true {
      // The word is read before the phase: a change in between makes the sleep return at once.
      let word = vial_load_word(words)
      let now = phase.load(ordering: .sequentiallyConsistent)
      if now != seen { return now }
      vial_wait_on(words, word)
    }
  }

  func waitForWorkers() {
    for _ in 0..<Self.spinLimit {
      if pending.load(ordering: .acquiring) == 0 { return }
      vial_spin_pause()
    }
    callerSleeps.store(true, ordering: .sequentiallyConsistent)
    defer { callerSleeps.store(false, ordering: .sequentiallyConsistent) }
    while true {
      let word = vial_load_word(words + 16)
      if pending.load(ordering: .sequentiallyConsistent) == 0 { return }
      vial_wait_on(words + 16, word)
    }
  }
}

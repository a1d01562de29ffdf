// The pool runs every worker exactly once a phase, however often and however slowly.
import Synchronization
import Testing
import VialSystem

@Suite struct ThreadPoolTests {
  @Test(arguments: [1, 2, 3, 8])
  func everyWorkerRunsOnceInEveryPhase(workerCount: Int) {
    let pool = ThreadPool(workerCount: workerCount)
    #expect(pool.workerCount == workerCount)
    let counts = UnsafeMutablePointer<Int>.allocate(capacity: workerCount * 16)
    counts.initialize(repeating: 0, count: workerCount * 16)
    defer { counts.deallocate() }
    nonisolated(unsafe) let slots = counts
    for _ in 0..<20_000 { pool.run { worker in slots[worker * 16] += 1 } }
    for worker in 0..<workerCount { #expect(slots[worker * 16] == 20_000) }
  }

  /// With fewer processors than workers each worker still runs once, and no more at a time than there are processors.
  @Test(arguments: [1, 2, 3, 5, 16])
  func noMoreRunAtOnceThanThereAreProcessors(processorCount: Int) {
    let workerCount = 16
    let pool = ThreadPool(workerCount: workerCount) { processorCount }
    #expect(pool.workerCount == workerCount)
    #expect(pool.activeCount == processorCount)
    let running = Atomic<Int>(0)
    let most = Atomic<Int>(0)
    let counts = UnsafeMutablePointer<Int>.allocate(capacity: workerCount)
    counts.initialize(repeating: 0, count: workerCount)
    defer { counts.deallocate() }
    nonisolated(unsafe) let slots = counts
    for phase in 0..<400 {
      pool.run { worker in
        let now = running.add(1, ordering: .sequentiallyConsistent).newValue
        most.max(now, ordering: .sequentiallyConsistent)
        slots[worker] += 1
        if phase % 16 == 0 { self.pause(milliseconds: 1) }
        running.subtract(1, ordering: .sequentiallyConsistent)
      }
    }
    #expect(most.load(ordering: .sequentiallyConsistent) <= processorCount)
    for worker in 0..<workerCount { #expect(slots[worker] == 400) }
  }

  /// Phases of all workers and of as many as run at once may follow each other in any order.
  @Test(arguments: [1, 2, 3, 7, 9])
  func someWorkersOrAllOfThem(processorCount: Int) {
    let pool = ThreadPool(workerCount: 7) { processorCount }
    let activeCount = min(7, processorCount)
    let counts = UnsafeMutablePointer<Int>.allocate(capacity: 7)
    counts.initialize(repeating: 0, count: 7)
    defer { counts.deallocate() }
    nonisolated(unsafe) let slots = counts
    var wholeCount = 0
    for phase in 0..<9000 {
      if phase % 5 == 0 || phase % 7 == 0 {
        pool.run { worker in slots[worker] += 1 }
        wholeCount += 1
      } else {
        pool.runActive { worker in slots[worker] += 1 }
      }
    }
    for worker in 0..<7 { #expect(slots[worker] == (worker < activeCount ? 9000 : wholeCount)) }
  }

  /// Affinity and quota may change while a pool lives.
  @Test func processorsAreCountedAgain() {
    final class Shared: Sendable { let count = Atomic<Int>(1) }
    let shared = Shared()
    let pool = ThreadPool(workerCount: 6) { shared.count.load(ordering: .relaxed) }
    let total = Atomic<Int>(0)
    var phases = 0
    for wanted in [1, 6, 2, 100, 1, 3] {
      shared.count.store(wanted, ordering: .relaxed)
      let end = MonotonicClock.seconds + 10
      while pool.activeCount != min(wanted, 6), MonotonicClock.seconds < end {
        pool.run { _ in total.add(1, ordering: .relaxed) }
        phases += 1
      }
      #expect(pool.activeCount == min(wanted, 6))
      for _ in 0..<1000 { pool.run { _ in total.add(1, ordering: .relaxed) } }
      phases += 1000
    }
    #expect(total.load(ordering: .relaxed) == phases * 6)
  }

  /// Two pools on the same processors do not wait for each other's turns to spin; every phase is whole.
  @Test func poolsSideBySide() {
    let outer = ThreadPool(workerCount: 3) { 3 }
    let failures = Atomic<Int>(0)
    outer.run { _ in
      let pool = ThreadPool(workerCount: 4)
      let total = Atomic<Int>(0)
      for phase in 1...3000 {
        pool.run { _ in total.add(1, ordering: .relaxed) }
        if total.load(ordering: .relaxed) != phase * 4 { failures.add(1, ordering: .relaxed) }
      }
    }
    #expect(failures.load(ordering: .relaxed) == 0)
  }

  @Test func workThatNestsDeepHasAStackOfItsOwn() {
    func depth(_ left: Int) -> Int {
      withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 512) { room in
        room[0] = UInt8(truncatingIfNeeded: left)
        return left == 0 ? 0 : depth(left - 1) + 1 + Int(room[0]) - Int(room[0])
      }
    }
    var reached = 0
    #expect(SystemThread.perform { reached = depth(800) })
    #expect(reached == 800)
  }

  @Test func sleepingWorkersWakeUp() {
    let pool = ThreadPool(workerCount: 4)
    let total = Atomic<Int>(0)
    for phase in 0..<30 {
      pause(milliseconds: phase % 3)
      pool.run { worker in
        if worker == phase % 4 { self.pause(milliseconds: 2) }
        total.add(1, ordering: .relaxed)
      }
      #expect(total.load(ordering: .relaxed) == (phase + 1) * 4)
    }
  }

  @Test func effectsOfAPhaseAreSeenByTheNext() {
    let pool = ThreadPool(workerCount: 3)
    let cells = UnsafeMutablePointer<Int>.allocate(capacity: 3)
    cells.initialize(repeating: 1, count: 3)
    defer { cells.deallocate() }
    nonisolated(unsafe) let values = cells
    for _ in 0..<5000 {
      let sum = (values[0] + values[1] + values[2]) % 1_000_003
      pool.run { worker in values[worker] = (sum + worker) % 1_000_003 }
      #expect(values[2] == (sum + 2) % 1_000_003)
    }
  }

  @Test func poolsComeAndGo() {
    for round in 0..<200 {
      let pool = ThreadPool(workerCount: round % 5 + 1)
      if round % 2 == 0 { pool.run { _ in } }
    }
  }

  @Test func theBodyIsReleasedAfterThePhase() {
    final class Witness: Sendable {}
    let pool = ThreadPool(workerCount: 4)
    weak var witness: Witness?
    for _ in 0..<200 {
      let strong = Witness()
      witness = strong
      pool.run { _ in withExtendedLifetime(strong) {} }
    }
    #expect(witness == nil)
  }

  private func pause(milliseconds: Int) {
    let end = MonotonicClock.seconds + Double(milliseconds) / 1000
    while MonotonicClock.seconds < end {}
  }
}

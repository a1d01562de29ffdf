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

// A work queue hands out every unit once, whoever is slow.

import Synchronization
import Testing
import VialCompute
import VialSystem

@Suite struct WorkQueueTests {
  @Test(arguments: [1, 2, 3, 8], [1, 2, 6])
  func everyUnitIsHandedOutOnce(workerCount: Int, grain: Int) {
    let pool = ThreadPool(workerCount: workerCount)
    let queue = WorkQueue(workerCount: workerCount)
    for count in [0, 1, 2, 5, 64, 1001] {
      let taken = UnsafeMutablePointer<Atomic<Int>>.allocate(capacity: count + 1)
      for unit in 0...count { (taken + unit).initialize(to: Atomic(0)) }
      defer { taken.deallocate() }
      nonisolated(unsafe) let counts = taken
      for _ in 0..<50 {
        queue.fill(count, grain: 2)
        pool.run { worker in
          while let units = queue.take(worker, grain: grain, divisor: worker % 2 + 2) {
            for unit in units { counts[unit].add(1, ordering: .relaxed) }
          }
        }
      }
      #expect((0..<count).allSatisfy { taken[$0].load(ordering: .relaxed) == 50 })
      #expect(taken[count].load(ordering: .relaxed) == 0)
    }
  }

  @Test func workersWithoutAShareTakeFromOthers() {
    let queue = WorkQueue(workerCount: 5)
    queue.fill(20, grain: 2, activeCount: 2)
    #expect(queue.take(0, grain: 4) == 0..<4)
    #expect(queue.take(4, grain: 4) == 18..<20)
    #expect(queue.take(1, grain: 4) == 10..<14)
    #expect(queue.take(3, grain: 4) == 8..<10)
    #expect(queue.take(2, grain: 4) == 4..<8)
    #expect(queue.take(2, grain: 4) == 14..<18)
    #expect((0..<5).allSatisfy { queue.take($0, grain: 4) == nil })
  }

  @Test func ownShareComesFirstAndInOrder() {
    let queue = WorkQueue(workerCount: 2)
    // Half of the rest, in whole pieces.
    queue.fill(40, grain: 2)
    #expect(queue.take(0, grain: 4, divisor: 2) == 0..<8)
    #expect(queue.take(0, grain: 4, divisor: 2) == 8..<12)
    #expect(queue.take(0, grain: 4, divisor: 2) == 12..<16)
    queue.fill(20, grain: 2)
    #expect(queue.take(1, grain: 4) == 10..<14)
    #expect(queue.take(0, grain: 4) == 0..<4)
    #expect(queue.take(1, grain: 4) == 14..<18)
    #expect(queue.take(1, grain: 4) == 18..<20)
    // What is left of the other share, from its end.
    #expect(queue.take(1, grain: 4) == 8..<10)
    #expect(queue.take(1, grain: 4) == 4..<8)
    #expect(queue.take(0, grain: 4) == nil)
    #expect(queue.take(1, grain: 4) == nil)
  }
}

// Owns: the threads that compute, and the barrier between phases: spin briefly, then sleep.
// Must not: know what is computed, allocate per phase, spin while idle, or run more threads at once
// than the process has processors for: those would wait for each other's turns, a phase at a time.

import Synchronization

/// A fixed number of workers that run one body together; the caller is worker 0.
///
/// A worker is a number; who runs it is the pool's choice. With a processor for each worker, each
/// has a thread of its own, unless that comes late. With fewer, as many threads as there are
/// processors take the workers in turn, and the others sleep. The processors are counted again now
/// and then, so that affinity and quota may change at any time.
///
/// `run` from one thread at a time. A phase costs well under a microsecond while the workers spin
/// and a few microseconds when they have gone to sleep.
package final class ThreadPool: @unchecked Sendable {
  /// Workers, the caller included.
  package let workerCount: Int
  /// Threads that the next phase runs on, the caller's included. Changes between two phases only.
  package private(set) var activeCount: Int
  private let shared: PhaseBarrier
  private var threads: [SystemThread] = []
  private let processorCount: @Sendable () -> Int
  private var countedSeconds = MonotonicClock.seconds

  /// Seconds after which processors are counted again.
  private static let secondsPerCount = 0.1

  /// Starts `workerCount - 1` threads; when the system refuses some, the pool is that much smaller.
  package convenience init(workerCount wanted: Int) {
    self.init(workerCount: wanted) { Processors.availableCount }
  }

  /// - Parameter processorCount: what the process may use; asked again in the course of time.
  package init(workerCount wanted: Int, processorCount: @escaping @Sendable () -> Int) {
    let capacity = min(max(1, wanted), 1024)
    let shared = PhaseBarrier(capacity: capacity, processorCount: processorCount())
    var threads: [SystemThread] = []
    while threads.count + 1 < capacity {
      let index = threads.count + 1
      guard let thread = SystemThread({ shared.work(as: index) }) else { break }
      threads.append(thread)
    }
    self.shared = shared
    self.threads = threads
    self.processorCount = processorCount
    workerCount = threads.count + 1
    activeCount = min(threads.count + 1, shared.processorCount)
  }

  deinit {
    shared.stop()
    for thread in threads { thread.join() }
  }

  /// Runs `body(worker)` for every worker and returns when all are done. Worker 0 is the calling
  /// thread's.
  package func run(_ body: (Int) -> Void) {
    guard workerCount > 1 else { return body(0) }
    countProcessors()
    // The check that nothing escaped knows where it stands: not in which folder this was built.
    #sourceLocation(file:"ThreadPool",line:59)
    withoutActuallyEscaping(body) { body in
      shared.run(body, workerCount: workerCount, threadCount: activeCount)
    }
    #sourceLocation()
  }

  /// The same for the first `activeCount` workers only: for work that is taken by whoever has time,
  /// from a queue or a counter, so that some workers are as good as all.
  package func runActive(_ body: (Int) -> Void) {
    guard workerCount > 1 else { return body(0) }
    countProcessors()
    // The check that nothing escaped knows where it stands: not in which folder this was built.
    #sourceLocation(file:"ThreadPool",line:69)
    withoutActuallyEscaping(body) { body in
      shared.run(body, workerCount: activeCount, threadCount: activeCount)
    }
    #sourceLocation()
  }

  private func countProcessors() {
    // What changes with every phase is in the barrier: threads read this object's memory in the
    // midst of phases.
    guard shared.isTurnToLook() else { return }
    let now = MonotonicClock.seconds
    guard now - countedSeconds >= Self.secondsPerCount else { return }
    countedSeconds = now
    shared.processorCount = processorCount()
    activeCount = min(workerCount, shared.processorCount)
  }
}

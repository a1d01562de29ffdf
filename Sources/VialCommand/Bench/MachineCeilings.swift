// Owns: what this machine can do at this moment: read bandwidth and int8 peak, on the threads of a
// test.
// Must not: know models.
// Other processes share the machine, so a figure is worth something only beside measurements of the
// same seconds.

import CVialRoofline
import VialCompute
import VialSystem

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Two limits of the machine.
struct CeilingSample {
  /// Bytes a second that all threads together read from memory.
  var bytesPerSecond = 0.0
  /// int8 operations a second that all threads together do in registers.
  var operationsPerSecond = 0.0
}

/// Memory to read from, larger than caches are.
final class CeilingBuffer {
  let memory: WorkMemory
  /// What is wanted; a machine that has little gives a quarter of what is available.
  static let byteCount = 512 << 20

  init() throws {
    let available = AvailableMemory.byteCount ?? UInt64(Self.byteCount) * 4
    let grain = 1 << 20
    let byteCount = min(Self.byteCount, Int(available / 4) / grain * grain)
    guard byteCount >= 64 << 20, let memory = WorkMemory(byteCount: byteCount) else {
      throw CommandFailure("not enough memory to measure the read bandwidth (64 MiB)")
    }
    self.memory = memory
  }
}

/// Measures the limits in bursts of about a millisecond. What registers can do is the best burst:
/// on a busy machine some run undisturbed. Memory is shared with other machines for longer than a
/// burst, so what it gives is the middle burst: the best would be a limit that no work of several
/// milliseconds can reach.
final class MachineCeilings {
  private let threads: ThreadPool
  private let family: String
  private let buffer: WorkMemory
  /// How far ahead reading asks for memory: the best of a few distances.
  private var ahead = 0
  /// Rounds of multiplication that take about a millisecond.
  private var rounds: UInt64 = 1000
  /// The stretch of the buffer that is read next; it comes round when caches have forgotten it.
  private var window = 0
  private static let windowCount = 8
  private static let burstsPerSample = 16

  /// Touches the buffer and finds out how to measure on `threadCount` threads.
  init(threadCount: Int, family: KernelFamily, buffer: CeilingBuffer) {
    threads = ThreadPool(workerCount: threadCount)
    self.family = family.name
    self.buffer = buffer.memory
    threads.run { worker in
      let range = WorkPortion.range(
        of: self.buffer.byteCount, worker: worker, of: threads.workerCount)
      memset(self.buffer.base + range.lowerBound, 0x5A, range.count)
    }
    while best({ self.multiply() }) < 0.001, rounds < 1 << 40 { rounds *= 2 }
    let distances = [0, 2048, 4096].map { distance in
      ahead = distance
      return (distance, middle { self.read() })
    }
    ahead = distances.min { $0.1 < $1.1 }?.0 ?? 0
  }

  /// Both limits now.
  func sample() -> CeilingSample {
    var operationCount = 0.0
    let multiplying = best { operationCount = self.multiply() }
    return CeilingSample(
      bytesPerSecond: Double(windowByteCount) / middle { self.read() },
      operationsPerSecond: operationCount / multiplying)
  }

  private var windowByteCount: Int { buffer.byteCount / Self.windowCount }

  /// Each thread reads its own stretch, as it does with weights.
  private func read() {
    let start = buffer.base + window * windowByteCount
    window = (window + 1) % Self.windowCount
    threads.run { worker in
      let range = WorkPortion.range(
        of: windowByteCount, worker: worker, of: threads.workerCount,
        grain: Int(VIAL_CEILING_READ_GRAIN))
      _ = vial_ceiling_read(start + range.lowerBound, range.count, ahead)
    }
  }

  /// Returns the operations of all threads.
  @discardableResult
  private func multiply() -> Double {
    var count: UInt64 = 0
    threads.run { worker in
      let done = vial_ceiling_int8(family, rounds)
      if worker == 0 { count = done }
    }
    return Double(count) * Double(threads.workerCount)
  }

  private func best(_ body: () -> Void) -> Double { bursts(body)[0] }

  private func middle(_ body: () -> Void) -> Double { bursts(body)[Self.burstsPerSample / 2] }

  /// Seconds of each, sorted.
  private func bursts(_ body: () -> Void) -> [Double] {
    (0..<Self.burstsPerSample).map { _ in seconds(body) }.sorted()
  }

  private func seconds(_ body: () -> Void) -> Double {
    let start = MonotonicClock.seconds
    body()
    return max(MonotonicClock.seconds - start, 1e-9)
  }
}

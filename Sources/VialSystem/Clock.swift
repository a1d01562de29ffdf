// Owns: time that only goes forward, and how many threads are worth starting.
// Must not: tell the time of day, or start a thread.

internal import CVialSystem

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// The monotonic clock.
package enum MonotonicClock {
  /// Seconds since an arbitrary moment.
  package static var seconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}

/// The time that processors worked for this process.
package enum ProcessorClock {
  /// Seconds of all threads together.
  package static var seconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}

/// What the machine offers this process.
package enum Processors {
  /// Threads worth starting: the smaller of CPU affinity and the control group's quota; 1 or more.
  package static var availableCount: Int {
    var count = sysconf(Int32(_SC_NPROCESSORS_ONLN))
    #if os(Linux)
      let allowed = Int(vial_affinity_count())
      if allowed > 0 { count = allowed }
      if let quota = controlGroupQuota() { count = min(count, quota) }
    #endif
    return max(1, count)
  }

  #if os(Linux)
    /// Whole CPUs of the control group's quota (version 2), rounded up; nil when unlimited.
    private static func controlGroupQuota() -> Int? {
      let descriptor = vial_open("/sys/fs/cgroup/cpu.max", O_RDONLY, 0)
      guard descriptor >= 0 else { return nil }
      defer { close(descriptor) }
      var bytes = [UInt8](repeating: 0, count: 64)
      let count = read(descriptor, &bytes, bytes.count)
      guard count > 0 else { return nil }
      let fields = bytes[..<count].split { $0 == 0x20 || $0 == 0x0A }
      guard fields.count == 2, let quota = Int(String(decoding: fields[0], as: UTF8.self)),
        let period = Int(String(decoding: fields[1], as: UTF8.self)), quota > 0, period > 0
      else { return nil }
      return max(1, (quota + period - 1) / period)
    }
  #endif
}

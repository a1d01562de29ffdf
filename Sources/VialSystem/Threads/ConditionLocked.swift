// Owns: a value behind a lock that threads can wait on, with a limit in time.
// Must not: be held while anything but the value is touched.

internal import CVialSystem

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// A value that one thread at a time may touch, and whose changes others can wait for.
public final class ConditionLocked<Value>: @unchecked Sendable {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>
  private var value: Value

  /// Puts `value` behind a lock.
  public init(_ value: sending Value) {
    mutex = .allocate(capacity: 1)
    condition = .allocate(capacity: 1)
    pthread_mutex_init(mutex, nil)
    #if canImport(Darwin)
      pthread_cond_init(condition, nil)
    #else
      // Deadlines are of the clock that nobody sets.
      var attributes = pthread_condattr_t()
      pthread_condattr_init(&attributes)
      pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
      pthread_cond_init(condition, &attributes)
      pthread_condattr_destroy(&attributes)
    #endif
    self.value = value
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  /// Runs `body` with the value, alone.
  public func withLock<Result>(_ body: (inout Value) -> Result) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return body(&value)
  }

  /// Runs `body` with the value, alone, and wakes everyone who waits.
  public func change<Result>(_ body: (inout Value) -> Result) -> Result {
    pthread_mutex_lock(mutex)
    defer {
      pthread_cond_broadcast(condition)
      pthread_mutex_unlock(mutex)
    }
    return body(&value)
  }

  /// Runs `body` until it returns something, sleeping between until the value changes.
  /// - Parameter deadline: `MonotonicClock` seconds after which nil is returned; nil waits for
  ///   ever. `body` runs at least once, and once more after the deadline.
  public func wait<Result>(
    until deadline: Double? = nil, for body: (inout Value) -> Result?
  ) -> Result? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while true {
      if let result = body(&value) { return result }
      guard let deadline else {
        pthread_cond_wait(condition, mutex)
        continue
      }
      guard MonotonicClock.seconds < deadline else { return nil }
      sleep(until: deadline)
    }
  }

  private func sleep(until deadline: Double) {
    // Nobody waits for longer than a day at once; the caller looks at the clock again.
    let remaining = min(max(0, deadline - MonotonicClock.seconds), 86400)
    #if canImport(Darwin)
      var time = timespec(
        tv_sec: Int(remaining), tv_nsec: Int(remaining.truncatingRemainder(dividingBy: 1) * 1e9))
      pthread_cond_timedwait_relative_np(condition, mutex, &time)
    #else
      let end = MonotonicClock.seconds + remaining
      var time = timespec(
        tv_sec: Int(end), tv_nsec: Int(end.truncatingRemainder(dividingBy: 1) * 1e9))
      pthread_cond_timedwait(condition, mutex, &time)
    #endif
  }
}

// Owns: threads of our own: started with all signals blocked and a stack of a stated size, joined
// once or let go.
// Must not: know what runs on them.

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// A running thread. It blocks all signals, so that the host's handlers never run on it.
package final class SystemThread: @unchecked Sendable {
  private let thread: pthread_t

  /// Bytes of a thread's stack, whatever the host's limit and default are: many times what anything
  /// here needs. Pages that are never touched cost nothing.
  package static let stackByteCount = 1 << 20
  /// What the host's code gets besides its own when it is called.
  private static let callByteCount = 1 << 16

  /// Runs `body` on a new thread; nil when the system refuses.
  /// - Parameter callsHost: whether the host's code runs on it. It then has `stackByteCount` bytes
  ///   for itself, or what threads of the host have by default when that is more.
  package init?(callsHost: Bool = false, _ body: @escaping @Sendable () -> Void) {
    let argument = Unmanaged.passRetained(ThreadBody(body))
    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    // A host with much thread-local memory may leave no room in a stack of that size: then the
    // default must do.
    guard
      let thread = Self.start(argument, stackByteCount: Self.stackSize(callsHost: callsHost))
        ?? Self.start(argument, stackByteCount: nil)
    else {
      argument.release()
      return nil
    }
    self.thread = thread
  }

  /// Whether this is the thread that asks.
  package var isCurrent: Bool { pthread_equal(thread, pthread_self()) != 0 }

  /// Waits until the thread has ended. Once, and not from the thread itself.
  package func join() { pthread_join(thread, nil) }

  /// Lets the thread end by itself. Instead of `join`.
  package func detach() { pthread_detach(thread) }

  /// Runs `body` on a thread that ends with it, for work that nests deeper than the caller's stack
  /// may be; false when the system refuses, and `body` was not run.
  package static func perform(_ body: () -> Void) -> Bool {
    // The check that nothing escaped knows where it stands: not in which folder this was built.
    #sourceLocation(file:"SystemThread",line:55)
    return withoutActuallyEscaping(body) { body in
      // The caller waits, so nothing is shared.
      nonisolated(unsafe) let body = body
      guard let thread = SystemThread({ body() }) else { return false }
      thread.join()
      return true
    }
    #sourceLocation()
  }

  private static func stackSize(callsHost: Bool) -> Int {
    guard callsHost else { return stackByteCount }
    var attributes = pthread_attr_t()
    var usual = 0
    pthread_attr_init(&attributes)
    pthread_attr_getstacksize(&attributes, &usual)
    pthread_attr_destroy(&attributes)
    return max(stackByteCount + callByteCount, usual)
  }

  private static func start(
    _ argument: Unmanaged<ThreadBody>, stackByteCount: Int?
  ) -> pthread_t? {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    if let stackByteCount { pthread_attr_setstacksize(&attributes, stackByteCount) }
    #if canImport(Darwin)
      var thread: pthread_t?
      let status = pthread_create(
        &thread, &attributes,
        { argument in
          Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue().run()
          return nil
        }, argument.toOpaque())
      return status == 0 ? thread : nil
    #else
      var thread = pthread_t()
      let status = pthread_create(
        &thread, &attributes,
        { argument in
          guard let argument else { return nil }
          Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue().run()
          return nil
        }, argument.toOpaque())
      return status == 0 ? thread : nil
    #endif
  }
}

/// What a new thread runs.
private final class ThreadBody {
  private let body: @Sendable () -> Void

  init(_ body: @escaping @Sendable () -> Void) { self.body = body }

  func run() { body() }
}

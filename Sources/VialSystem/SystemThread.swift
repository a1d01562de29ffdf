// Owns: threads of our own: started with all signals blocked, joined once.
// Must not: know what runs on them.

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// A running thread. It blocks all signals, so that the host's handlers never run on it.
public final class SystemThread: @unchecked Sendable {
  private let thread: pthread_t

  /// Runs `body` on a new thread; nil when the system refuses.
  public init?(_ body: @escaping @Sendable () -> Void) {
    let argument = Unmanaged.passRetained(ThreadBody(body))
    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    #if canImport(Darwin)
      var thread: pthread_t?
    #else
      var thread = pthread_t()
    #endif
    let status = pthread_create(
      &thread, nil,
      { argument in
        #if canImport(Darwin)
          Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue().run()
        #else
          guard let argument else { return nil }
          Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue().run()
        #endif
        return nil
      }, argument.toOpaque())
    #if canImport(Darwin)
      guard status == 0, let thread else {
        argument.release()
        return nil
      }
      self.thread = thread
    #else
      guard status == 0 else {
        argument.release()
        return nil
      }
      self.thread = thread
    #endif
  }

  /// Whether this is the thread that asks.
  public var isCurrent: Bool { pthread_equal(thread, pthread_self()) != 0 }

  /// Waits until the thread has ended. Once, and not from the thread itself.
  public func join() { pthread_join(thread, nil) }
}

/// What a new thread runs.
private final class ThreadBody {
  private let body: @Sendable () -> Void

  init(_ body: @escaping @Sendable () -> Void) { self.body = body }

  func run() { body() }
}

// Ctrl-C and SIGTERM as a flag that long commands look at between steps, so that they clean up behind them.
// Must not: be used by the library floors, which install no handlers.

import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Signals that asked this process to stop.
enum Interruption {
  private static let received = Atomic<Int32>(0)

  /// The signal that came, or nil.
  static var signalNumber: Int32? {
    let number = received.load(ordering: .relaxed)
    return number == 0 ? nil : number
  }

  /// Whether the signal that came was ctrl-C.
  static var isFromKeyboard: Bool { signalNumber == SIGINT }

  /// SIGINT and SIGTERM end the process again, and what came is forgotten.
  static func uninstall() {
    for number in [SIGINT, SIGTERM] { signal(number, SIG_DFL) }
  }

  /// Notes SIGINT and SIGTERM from now on instead of dying of the first; a second one kills.
  static func install() {
    // Touched here, because a handler must not be the first to initialise it.
    received.store(0, ordering: .relaxed)
    // A parent may have started us with signals blocked.
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGINT)
    sigaddset(&signals, SIGTERM)
    defer { pthread_sigmask(SIG_UNBLOCK, &signals, nil) }
    for number in [SIGINT, SIGTERM] {
      signal(number) { number in
        Interruption.received.store(number, ordering: .relaxed)
        signal(number, SIG_DFL)
      }
    }
  }
}

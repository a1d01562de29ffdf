// Owns: Ctrl-C, SIGTERM and SIGHUP as a flag that long commands look at between steps, so that they
// clean up behind them.
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
enum SignalTrap {
  private static let received = Atomic<Int32>(0)

  /// The signal that came, or nil.
  static var signalNumber: Int32? {
    let number = received.load(ordering: .relaxed)
    return number == 0 ? nil : number
  }

  /// Whether the signal that came was ctrl-C.
  static var isFromKeyboard: Bool { signalNumber == SIGINT }

  /// What asks to stop: ctrl-C, the system, and a terminal that goes away.
  private static let numbers = [SIGINT, SIGTERM, SIGHUP]

  /// Whether this process was started to outlive its terminal, as nohup(1) does.
  private static var ignoresHangup: Bool {
    var action = sigaction()
    guard sigaction(SIGHUP, nil, &action) == 0 else { return false }
    #if canImport(Glibc)
      let handler = action.__sigaction_handler.sa_handler
    #elseif canImport(Musl)
      let handler = action.__sa_handler.sa_handler
    #else
      let handler = action.__sigaction_u.__sa_handler
    #endif
    return unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
  }

  /// The signals end the process again, and what came is forgotten.
  static func uninstall() {
    for number in numbers where number != SIGHUP || !ignoresHangup { signal(number, SIG_DFL) }
  }

  /// Notes the signals from now on instead of dying of the first; a second one kills. A hangup that
  /// was ignored when the program started (nohup) stays so.
  static func install() {
    // Touched here, because a handler must not be the first to initialise it.
    received.store(0, ordering: .relaxed)
    // A parent may have started us with signals blocked.
    var signals = sigset_t()
    sigemptyset(&signals)
    for number in numbers { sigaddset(&signals, number) }
    defer { pthread_sigmask(SIG_UNBLOCK, &signals, nil) }
    for number in numbers where number != SIGHUP || !ignoresHangup {
      signal(number) { number in
        SignalTrap.received.store(number, ordering: .relaxed)
        signal(number, SIG_DFL)
      }
    }
  }
}

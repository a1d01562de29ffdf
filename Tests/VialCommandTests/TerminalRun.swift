// Runs the built `vial` at a terminal of its own, whose keys the test presses.

#if os(Linux)
  import Foundation
  import Glibc

  /// A process whose terminal is a pseudo-terminal.
  final class TerminalRun {
    /// What the terminal showed so far.
    private(set) var screen = ""
    private let master: Int32
    // TIOCSPTLCK, TIOCGPTN, POSIX_SPAWN_SETSID and POSIX_SPAWN_SETSIGMASK, which the C library shows with _GNU_SOURCE only.
    private static let (setLock, getNumber) = (UInt(0x4004_5431), UInt(0x8004_5430))
    private static let newSession: Int16 = 0x80
    private static let givenSignalMask: Int16 = 0x08
    private var process: pid_t = 0
    private var isOver = false

    /// Starts `vial` with `arguments`; nil when the system has no pseudo-terminal for us.
    init?(_ arguments: [String]) {
      master = open("/dev/ptmx", O_RDWR | O_NOCTTY)
      var (isLocked, number) = (Int32(0), UInt32(0))
      guard master >= 0, ioctl(master, Self.setLock, &isLocked) == 0,
        ioctl(master, Self.getNumber, &number) == 0
      else { return nil }
      let name = "/dev/pts/\(number)"
      var actions = posix_spawn_file_actions_t()
      var attributes = posix_spawnattr_t()
      posix_spawn_file_actions_init(&actions)
      posix_spawnattr_init(&attributes)
      defer {
        posix_spawn_file_actions_destroy(&actions)
        posix_spawnattr_destroy(&attributes)
      }
      // The first terminal that the leader of a new session opens is the one whose keys send it signals.
      posix_spawnattr_setflags(&attributes, Self.newSession | Self.givenSignalMask)
      // Threads of a test block signals, which a shell's children do not.
      var signals = sigset_t()
      sigemptyset(&signals)
      posix_spawnattr_setsigmask(&attributes, &signals)
      posix_spawn_file_actions_addopen(&actions, 0, name, O_RDWR, 0)
      posix_spawn_file_actions_adddup2(&actions, 0, 1)
      posix_spawn_file_actions_adddup2(&actions, 0, 2)
      posix_spawn_file_actions_addclose(&actions, master)
      let path = CommandRun.executable.path
      var list = ([path] + arguments).map { strdup($0) } + [nil]
      defer { for item in list { free(item) } }
      guard posix_spawn(&process, path, &actions, &attributes, &list, environ) == 0 else {
        return nil
      }
    }

    deinit {
      if process > 0, !isOver {
        kill(process, SIGKILL)
        _ = wait()
      }
      close(master)
    }

    /// Presses keys.
    func type(_ keys: String) {
      let bytes = Array(keys.utf8)
      _ = write(master, bytes, bytes.count)
    }

    /// Reads until the screen, from `start` on, satisfies `condition`; false after a minute or at the end.
    func wait(from start: Int = 0, until condition: (Substring) -> Bool) -> Bool {
      let deadline = Date().addingTimeInterval(60)
      while !condition(screen.dropFirst(start)) {
        var poll = pollfd(fd: master, events: Int16(POLLIN), revents: 0)
        guard Date() < deadline else { return false }
        guard Glibc.poll(&poll, 1, 1000) > 0 else { continue }
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = read(master, &bytes, bytes.count)
        guard count > 0 else { return false }
        screen += String(decoding: bytes[..<count], as: UTF8.self)
      }
      return true
    }

    /// Waits for the process: its exit status, or minus the signal that ended it.
    func wait() -> Int32 {
      var status: Int32 = 0
      while waitpid(process, &status, 0) < 0, errno == EINTR {}
      isOver = true
      return status & 0x7F == 0 ? status >> 8 & 0xFF : -(status & 0x7F)
    }
  }
#endif

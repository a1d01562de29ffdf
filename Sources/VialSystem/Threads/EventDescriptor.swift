// Owns: a file descriptor that is readable while there is something to do: for event loops of the
// host.
// Must not: carry data, or block.

internal import CVialSystem

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// A descriptor that poll(2) shows as readable between `raise` and `clear`. Any thread.
package final class EventDescriptor: Sendable {
  /// What to watch for reading; never to be read or closed by the watcher.
  package let readable: Int32
  private let writable: Int32

  /// nil when the process has no descriptor left.
  package init?() {
    var ends: (Int32, Int32) = (-1, -1)
    guard vial_event_open(&ends.0, &ends.1) == 0 else { return nil }
    (readable, writable) = ends
  }

  deinit {
    if writable != readable { close(writable) }
    close(readable)
  }

  /// Makes it readable.
  package func raise() { vial_event_raise(writable) }

  /// Makes it unreadable until it is raised again.
  package func clear() { vial_event_clear(readable) }
}

// Owns: that the descriptors of standard input, output and error are open when a program starts.
// Must not: be used by a library: descriptors are the host's.

internal import CVialSystem

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Descriptors 0, 1 and 2.
package enum StandardDescriptors {
  /// Opens those that the caller of this program left closed to /dev/null.
  ///
  /// Otherwise a file that is opened later gets the number, and messages are written into it.
  /// - Returns: false when one is still closed; then nothing may be opened or written.
  package static func openMissing() -> Bool {
    for number in Int32(0)...2 where fcntl(number, F_GETFD) < 0 {
      // open(2) takes the lowest number that is free, and those below are not.
      let opened = open("/dev/null", O_RDWR)
      guard opened == number else { return false }
    }
    return true
  }
}

// Owns: how much memory a large buffer can have before the system swaps or kills.
// Must not: reserve it.

internal import CVialSystem

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// What the machine has left.
package enum AvailableMemory {
  /// Bytes: what the system calls available, at most the control group's limit; nil when it does
  /// not say.
  package static var byteCount: UInt64? {
    #if os(Linux)
      let fields = words(of: "/proc/meminfo")
      guard let index = fields.firstIndex(of: "MemAvailable:"), index + 1 < fields.count,
        let kibibytes = UInt64(fields[index + 1])
      else { return nil }
      let free = kibibytes.multipliedReportingOverflow(by: 1024).partialValue
      // "max", or no such file: no limit.
      let limit = words(of: "/sys/fs/cgroup/memory.max").first.flatMap { UInt64($0) }
      return min(free, limit ?? .max)
    #else
      let (pages, size) = (sysconf(Int32(_SC_PHYS_PAGES)), sysconf(Int32(_SC_PAGESIZE)))
      return pages > 0 && size > 0 ? UInt64(pages) * UInt64(size) : nil
    #endif
  }

  #if os(Linux)
    /// The first words of a small text that the system makes up; none when there is no such file.
    private static func words(of path: String) -> [String] {
      let descriptor = vial_open(path, O_RDONLY, 0)
      guard descriptor >= 0 else { return [] }
      defer { close(descriptor) }
      var bytes = [UInt8](repeating: 0, count: 1024)
      let count = read(descriptor, &bytes, bytes.count)
      guard count > 0 else { return [] }
      return bytes[..<count].split { $0 == 0x20 || $0 == 0x0A }
        .map { String(decoding: $0, as: UTF8.self) }
    }
  #endif
}

// Owns: permissions and owner of files: what a replaced file had, what a new one gets.
// Must not: change the process's umask on Linux, where /proc tells it.

internal import CVialSystem

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Who may do what with a file.
struct FileAttributes {
  let mode: mode_t
  let owner: uid_t
  let group: gid_t

  init(_ status: stat) {
    mode = status.st_mode & 0o7777
    owner = status.st_uid
    group = status.st_gid
  }

  /// Gives them to an open file of ours, as far as this process may. False, and errno, when the
  /// mode cannot be set.
  ///
  /// Only the superuser may give a file away; others keep it, and never open it to more people:
  /// bits that act for an owner or a group that the file did not get are dropped, and another group
  /// gets what everybody has.
  func apply(to descriptor: Int32) -> Bool {
    if fchown(descriptor, owner, group) != 0 { _ = fchown(descriptor, uid_t.max, group) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return false }
    var mode = mode
    if status.st_uid != owner { mode &= ~0o4000 }
    if status.st_gid != group { mode = mode & ~0o2070 | mode & (mode & 0o007) << 3 }
    return fchmod(descriptor, mode) == 0
  }

  /// The mode that open(2) would give a new file for `mode`.
  static func newFileMode(_ mode: mode_t) -> mode_t { mode & ~currentMask }

  /// This process's umask.
  private static var currentMask: mode_t {
    #if os(Linux)
      // Without /proc new files are their owner's alone: umask(2) tells by changing it, for all
      // threads of a host.
      return statedMask ?? 0o077
    #else
      let mask = umask(0o077)
      umask(mask)
      return mask
    #endif
  }

  #if os(Linux)
    /// The line `Umask:` of /proc/self/status; nil without /proc.
    private static var statedMask: mode_t? {
      let descriptor = vial_open("/proc/self/status", O_RDONLY, 0)
      guard descriptor >= 0 else { return nil }
      defer { close(descriptor) }
      var bytes = [UInt8](repeating: 0, count: 4096)
      let count = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
      guard count > 0 else { return nil }
      for line in bytes[..<count].split(separator: UInt8(ascii: "\n")) {
        guard line.starts(with: Array("Umask:\t".utf8)) else { continue }
        return mode_t(String(decoding: line.dropFirst(7), as: UTF8.self), radix: 8)
      }
      return nil
    }
  #endif
}

// Owns: a file that grows by whole records and survives a kill between them.
// Must not: know what a record is.

internal import CVialSystem

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// A regular file opened for appending.
package final class AppendFile {
  private let descriptor: Int32
  private let path: String
  private var byteCount: UInt64

  /// Opens a file, or makes one that only its owner may read: records may be answers. Links are
  /// followed.
  ///
  /// Others that open it so are kept out until this object goes. Nothing is kept of it until
  /// `keep(_:)`.
  /// - Throws: `SystemError`, also when another program is writing it.
  package init(path: String) throws(SystemError) {
    descriptor = vial_open(path, O_RDWR | O_CREAT | O_NONBLOCK, 0o600)
    self.path = path
    byteCount = 0
    // From here on deinit closes the file.
    guard descriptor >= 0 else { throw SystemError.last("write", path: path) }
    var (opened, named) = (stat(), stat())
    guard fstat(descriptor, &opened) == 0, opened.isRegular else {
      throw SystemError("write", path: path, reason: "not a regular file")
    }
    guard vial_lock(descriptor) == 0 else {
      guard vial_errno() == EWOULDBLOCK else { throw SystemError.last("write", path: path) }
      throw AtomicFile.busy(path)
    }
    // Before it was locked, another program may have put a file in its place.
    guard stat(path, &named) == 0, named.isSame(as: opened) else {
      throw SystemError("write", path: path, reason: "another program has just replaced it")
    }
    // A new name should outlast a crash of the machine as its records do.
    try? LinkedPath(following: path, operation: "write").syncFolder()
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// The file's first bytes that stay; the rest (half a record of a killed writer) goes with the
  /// first append.
  package func keep(_ keptByteCount: UInt64) { byteCount = keptByteCount }

  /// Returns when all records are on the disk.
  package func synchronize() throws(SystemError) {
    while fsync(descriptor) != 0 {
      guard vial_errno() == EINTR else { throw SystemError.last("write", path: path) }
    }
  }

  /// Appends one record: all of it, or an error.
  package func append(_ record: Span<UInt8>) throws(SystemError) {
    guard let start = off_t(exactly: byteCount), ftruncate(descriptor, start) == 0 else {
      throw SystemError.last("write", path: path)
    }
    var done = 0
    while done < record.count {
      let count = record.withUnsafeBytes { bytes in
        bytes.baseAddress.map {
          pwrite(descriptor, $0 + done, bytes.count - done, start + off_t(done))
        } ?? 0
      }
      if count > 0 {
        done += count
      } else if count == 0 || vial_errno() != EINTR {
        throw SystemError.last("write", path: path)
      }
    }
    byteCount += UInt64(record.count)
  }
}

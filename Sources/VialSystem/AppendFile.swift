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
public final class AppendFile {
  private let descriptor: Int32
  private let path: String
  private var byteCount: UInt64

  /// Opens or makes a file; its first `keptByteCount` bytes stay, the rest (half a record of a killed writer)
  /// goes with the first append.
  public init(path: String, keeping keptByteCount: UInt64) throws(SystemError) {
    descriptor = vial_open(path, O_RDWR | O_CREAT | O_NONBLOCK, 0o644)
    guard descriptor >= 0 else { throw SystemError.last("write", path: path) }
    self.path = path
    byteCount = keptByteCount
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw SystemError("write", path: path, reason: "not a regular file")
    }
  }

  deinit { close(descriptor) }

  /// Keeps others out that lock it, too, until this object goes.
  public func lock() throws(SystemError) {
    guard vial_lock(descriptor) == 0 else {
      guard vial_errno() == EWOULDBLOCK else { throw SystemError.last("write", path: path) }
      throw SystemError("write", path: path, reason: "another program writes it")
    }
  }

  /// The file's first bytes, in place of those that were named when it was opened, stay.
  public func keep(_ keptByteCount: UInt64) { byteCount = keptByteCount }

  /// Returns when all records are on the disk.
  public func synchronize() throws(SystemError) {
    while fsync(descriptor) != 0 {
      guard vial_errno() == EINTR else { throw SystemError.last("write", path: path) }
    }
  }

  /// Appends one record: all of it, or an error.
  public func append(_ record: Span<UInt8>) throws(SystemError) {
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

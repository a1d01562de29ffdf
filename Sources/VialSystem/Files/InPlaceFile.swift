// Owns: changing a file that others may have mapped: opened for writing, locked against other
// writers.
// Must not: know what is written or in which order (Spec/FORMAT.md, "Appending and compacting",
// does).

internal import CVialSystem

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// A regular file that only this object changes, until it is released.
///
/// The lock is advisory: it keeps out other writers that take it, not readers.
package final class InPlaceFile {
  /// As the caller gave it, for errors.
  let path: String
  /// The file itself, links followed.
  let target: LinkedPath
  let descriptor: Int32
  /// What the file was when it was locked.
  private(set) var status = stat()

  /// Opens and locks an existing regular file.
  /// - Throws: `SystemError` when it cannot be written, or somebody else is changing it.
  package init(path: String) throws(SystemError) {
    self.path = path
    target = try LinkedPath(following: path, operation: "change")
    descriptor = vial_open(target.bytes, O_RDWR | O_NONBLOCK, 0)
    guard descriptor >= 0 else { throw SystemError.last("change", path: path) }
    // From here on deinit closes the file.
    guard fstat(descriptor, &status) == 0 else { throw SystemError.last("change", path: path) }
    guard status.isRegular, status.st_size >= 0 else {
      throw SystemError("change", path: path, reason: "not a regular file")
    }
    guard vial_lock(descriptor) == 0 else {
      throw vial_errno() == EWOULDBLOCK
        ? SystemError("change", path: path, reason: "another program is changing it")
        : SystemError.last("change", path: path)
    }
    // Whoever held the lock before may have changed the length, or put another file under this
    // name.
    guard fstat(descriptor, &status) == 0 else { throw SystemError.last("change", path: path) }
    try checkName()
  }

  deinit {
    // Closing unlocks.
    if descriptor >= 0 { close(descriptor) }
  }

  /// Checks that the name still leads to this file: writers that take no lock may have put another
  /// in its place.
  package func checkName() throws(SystemError) {
    guard let named = target.status else { throw SystemError.last("change", path: path) }
    guard named.isSame(as: status) else {
      throw SystemError("change", path: path, reason: "another program has just replaced it")
    }
  }

  /// Maps the file as it was when it was locked.
  package func map() throws(SystemError) -> MappedFile {
    try MappedFile(descriptor: descriptor, byteCount: UInt64(status.st_size), path: path)
  }

  /// Writes all of `bytes` at `offset`.
  package func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(SystemError) {
    try writeAll(bytes, to: descriptor, at: offset, path: path)
  }

  /// Cuts the file.
  package func truncate(to byteCount: UInt64) throws(SystemError) {
    guard let length = off_t(exactly: byteCount) else {
      throw SystemError("write", path: path, code: EFBIG)
    }
    while ftruncate(descriptor, length) != 0 {
      guard vial_errno() == EINTR else { throw SystemError.last("write", path: path) }
    }
  }

  /// Returns when everything written is on the disk.
  package func sync() throws(SystemError) {
    while fsync(descriptor) != 0 {
      guard vial_errno() == EINTR else { throw SystemError.last("write", path: path) }
    }
  }
}

/// Writes all of `bytes` at `offset`, however often the system takes only a part.
func writeAll(
  _ bytes: UnsafeRawBufferPointer, to descriptor: Int32, at offset: UInt64, path: String
) throws(SystemError) {
  var done = 0
  while done < bytes.count {
    guard let address = bytes.baseAddress,
      let position = off_t(exactly: offset &+ UInt64(done)), position >= 0
    else { throw SystemError("write", path: path, code: EFBIG) }
    let count = pwrite(descriptor, address + done, bytes.count - done, position)
    if count > 0 {
      done += count
    } else if count == 0 || vial_errno() != EINTR {
      throw SystemError.last("write", path: path)
    }
  }
}

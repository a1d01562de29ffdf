// Owns: writing a file so that nobody ever sees half of it: write aside, sync, rename.
// Must not: know what is written. A kill leaves at most the file written aside, which the next writer of
// the same path replaces.

internal import CVialSystem

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// A file that appears under its name only when `commit()` succeeds.
///
/// Released without `commit()`, it leaves nothing behind.
public final class AtomicFile {
  private let path: String
  private let asidePath: String
  private var descriptor: Int32

  /// Begins `path` as `path.partial` beside it. A leftover of that name is replaced.
  public init(path: String) throws(SystemError) {
    self.path = path
    asidePath = path + ".partial"
    descriptor = -1
    var status = stat()
    if stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
      throw status.st_mode & S_IFMT == S_IFDIR
        ? SystemError("write", path: path, code: EISDIR)
        : SystemError("write", path: path, reason: "not a regular file")
    }
    unlink(asidePath)
    descriptor = vial_open(asidePath, O_RDWR | O_CREAT | O_EXCL, 0o644)
    guard descriptor >= 0 else { throw SystemError.last("write", path: path) }
  }

  deinit { abandon() }

  /// Gives the new file the permissions, and where that is allowed the owner, of the one that it replaces.
  public func keepAttributes(of file: InPlaceFile) throws(SystemError) {
    let attributes = file.attributes
    // Only the superuser may give a file away; others keep it.
    _ = fchown(descriptor, attributes.owner, attributes.group)
    guard fchmod(descriptor, attributes.mode) == 0 else {
      throw SystemError.last("write", path: path)
    }
  }

  /// Writes all of `bytes` at `offset`.
  public func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(SystemError) {
    try writeAll(bytes, to: descriptor, at: offset, path: path)
  }

  /// Syncs the bytes, gives the file its name and syncs the folder.
  public func commit() throws(SystemError) {
    guard fsync(descriptor) == 0 else { throw SystemError.last("write", path: path) }
    guard close(descriptor) == 0 else {
      descriptor = -1
      throw SystemError.last("write", path: path)
    }
    descriptor = -1
    guard rename(asidePath, path) == 0 else {
      let error = SystemError.last("rename", path: path)
      unlink(asidePath)
      throw error
    }
    syncFolder()
  }

  /// Drops what was written. Does nothing after `commit()`.
  public func abandon() {
    guard descriptor >= 0 else { return }
    close(descriptor)
    descriptor = -1
    unlink(asidePath)
  }

  /// Makes the new name durable. Some file systems cannot sync a folder; the file itself is synced.
  private func syncFolder() {
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
    let descriptor = vial_open(folder, O_RDONLY | O_DIRECTORY, 0)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }
}

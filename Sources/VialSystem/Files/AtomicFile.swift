// Owns: writing a file so that nobody ever sees half of it: write aside, sync, rename; one writer
// of a name at a time.
// Must not: know what is written. A kill leaves at most the unfinished file, which the next writer
// of the same name removes: a lock on it tells a dead writer from a live one.

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
/// Its bytes are written to `FILE.partial` beside it, which only its owner may read until they are
/// complete. Released without `commit()`, it leaves nothing behind. Links are followed: the file
/// that they name is replaced, and they stay.
package final class AtomicFile {
  /// As the caller gave it, for errors.
  private let path: String
  private let target: LinkedPath
  private let aside: LinkedPath
  /// The unfinished file, locked where the file system can; -1 when there is none.
  private var descriptor: Int32 = -1
  /// The file that has the name now, locked; nil when there was none.
  private var replaced: ReplacedFile?
  /// A file whose lock the caller holds, and that must still have the name in the end.
  private let inPlace: InPlaceFile?
  /// The mode of a file that replaces none.
  private let newMode: mode_t
  private let replaces: Bool

  /// Begins the file at `path`, in place of one that may be there.
  /// - Throws: `SystemError`, also when another program is writing or changing it.
  package convenience init(path: String) throws(SystemError) {
    let target = try Self.target(path)
    try self.init(path, target, newMode: FileAttributes.newFileMode(0o666))
  }

  /// Begins a file in place of one that the caller holds; `commit()` then wants that to have its
  /// name still.
  package convenience init(replacing file: InPlaceFile) throws(SystemError) {
    try self.init(file.path, file.target, newMode: 0o600, inPlace: file)
  }

  /// Begins a file where nothing, not even a link, may lie at `path`.
  /// - Parameter mode: what the new file gets, less the umask.
  convenience init(newPath path: String, mode: mode_t) throws(SystemError) {
    let target = LinkedPath(bytes: Array(path.utf8CString))
    try self.init(path, target, newMode: FileAttributes.newFileMode(mode), replaces: false)
  }

  private init(
    _ path: String, _ target: LinkedPath, newMode: mode_t, inPlace: InPlaceFile? = nil,
    replaces: Bool = true
  ) throws(SystemError) {
    self.path = path
    self.target = target
    self.inPlace = inPlace
    self.newMode = newMode
    self.replaces = replaces
    aside = target.appending(".partial")
    // Another writer may finish, or clear away a leftover, between two steps; then they begin anew.
    for _ in 0..<100 {
      replaced = try findReplaced()
      if try begin(), isUnchanged { return }
      // Its lock, too: the next round takes it again.
      drop()
    }
    throw Self.busy(path)
  }

  deinit { abandon() }

  /// Whether what has the name is what was found when the work began.
  private var isUnchanged: Bool {
    guard let status = target.status else { return replaced == nil }
    return replaced.map { $0.status.isSame(as: status) } ?? false
  }

  /// The path of the file itself, links followed.
  package var resolvedPath: String { target.text }

  /// Writes all of `bytes` at `offset`.
  package func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(SystemError) {
    try writeAll(bytes, to: descriptor, at: offset, path: path)
  }

  /// Syncs the bytes, gives the file its name, and its permissions: those of the file that it
  /// replaces, or those of any new file. Then syncs the folder.
  /// - Parameter whileLocked: runs when the file has its name and other writers are still kept out.
  package func commit(whileLocked body: () -> Void = {}) throws(SystemError) {
    defer { drop() }
    try finish()
    guard aside.names(descriptor) else {
      throw SystemError(
        "write", path: path, reason: "another program took its unfinished file away")
    }
    if let inPlace { try inPlace.checkName() }
    let result =
      replaces
      ? rename(aside.bytes, target.bytes) : vial_rename_new(aside.bytes, target.bytes)
    guard result == 0 else { throw SystemError.last(replaces ? "rename" : "create", path: path) }
    target.syncFolder()
    body()
  }

  /// Drops what was written. Does nothing after `commit()`.
  package func abandon() { drop() }

  /// Sets what only the complete file may have, and syncs.
  private func finish() throws(SystemError) {
    let isSet: Bool
    if replaces, let status = target.status, status.isRegular {
      if let old = inPlace?.descriptor ?? replaced?.descriptor, old >= 0 {
        vial_copy_access_list(old, descriptor)
      }
      isSet = FileAttributes(status).apply(to: descriptor)
    } else {
      isSet = fchmod(descriptor, newMode) == 0
    }
    guard isSet else { throw SystemError.last("write", path: path) }
    while fsync(descriptor) != 0 {
      guard vial_errno() == EINTR else { throw SystemError.last("write", path: path) }
    }
  }

  /// Closes everything, which unlocks it, and takes the unfinished file away while its name is
  /// still ours.
  private func drop() {
    if descriptor >= 0 {
      if aside.names(descriptor) { unlink(aside.bytes) }
      close(descriptor)
      descriptor = -1
    }
    replaced = nil
  }
}

// MARK: - Beginning

extension AtomicFile {
  static func busy(_ path: String) -> SystemError {
    SystemError("write", path: path, reason: "another program is writing it")
  }

  /// The file that `path` names in the end.
  private static func target(_ path: String) throws(SystemError) -> LinkedPath {
    let named = LinkedPath(bytes: Array(path.utf8CString))
    for _ in 0..<Self.looks {
      let target = try LinkedPath(following: path, operation: "write")
      guard let status = named.status, status.isRegular else { return target }
      if target.status?.isSame(as: status) == true { return target }
    }
    // A descriptor's link in /proc names a file that was removed.
    throw SystemError("write", path: path, reason: "it has no name that could be given anew")
  }

  /// How often a name and what it leads to are looked up: another writer may give the name away
  /// between the two.
  private static let looks = 100

  /// Locks the file that has the name, so that nobody changes what is about to be replaced.
  private func findReplaced() throws(SystemError) -> ReplacedFile? {
    if let inPlace {
      try inPlace.checkName()
      return ReplacedFile(status: inPlace.status, descriptor: -1)
    }
    guard replaces else {
      var status = stat()
      guard lstat(target.bytes, &status) != 0 else {
        throw SystemError("create", path: path, code: EEXIST)
      }
      return nil
    }
    guard let status = target.status else { return nil }
    guard status.isRegular else {
      throw status.isFolder
        ? SystemError("write", path: path, code: EISDIR)
        : SystemError("write", path: path, reason: "not a regular file")
    }
    return try ReplacedFile(locking: target, status, path: path)
  }

  /// Makes the unfinished file and locks it; false when a leftover was in the way, which is gone
  /// now.
  private func begin() throws(SystemError) -> Bool {
    descriptor = vial_open(aside.bytes, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else {
      guard vial_errno() == EEXIST else { throw SystemError.last("write", path: path) }
      try removeLeftover()
      return false
    }
    // Whoever is quicker to lock it takes it for a leftover, and writes in our place.
    if vial_lock(descriptor) != 0, vial_errno() == EWOULDBLOCK {
      close(descriptor)
      descriptor = -1
      throw Self.busy(path)
    }
    guard aside.names(descriptor) else {
      drop()
      return false
    }
    return true
  }

  /// Removes the unfinished file of a writer that is gone; one that is there still has it locked.
  private func removeLeftover() throws(SystemError) {
    var leftover = vial_open(aside.bytes, O_RDWR | O_NOFOLLOW | O_NONBLOCK, 0)
    if leftover < 0, vial_errno() == EACCES {
      leftover = vial_open(aside.bytes, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0)
    }
    guard leftover >= 0 else {
      switch vial_errno() {
      case ENOENT: return
      // A link or a socket is nobody's unfinished file.
      case ELOOP, EMLINK, ENXIO: return try unlinkLeftover()
      default: throw SystemError.last("write", path: aside.text)
      }
    }
    defer { close(leftover) }
    var status = stat()
    if fstat(leftover, &status) == 0, status.isRegular, vial_lock(leftover) != 0 {
      guard vial_errno() != EWOULDBLOCK else { throw Self.busy(path) }
      throw SystemError(
        "write", path: aside.text,
        reason: "it is there, and its file system has no locks that tell whose it is")
    }
    // Only who holds the lock takes the name away, so it still is this file's, or was taken before.
    if aside.names(leftover) { try unlinkLeftover() }
  }

  private func unlinkLeftover() throws(SystemError) {
    guard unlink(aside.bytes) == 0 || vial_errno() == ENOENT else {
      throw SystemError.last("write", path: aside.text)
    }
  }
}

/// The file that is about to be replaced, and its lock while this object lives.
private final class ReplacedFile {
  let status: stat
  /// -1 when it cannot be opened or somebody else holds its lock for us.
  let descriptor: Int32

  init(status: stat, descriptor: Int32) {
    self.status = status
    self.descriptor = descriptor
  }

  /// Locks the file, as far as this process may open it; one that it may not open it may still
  /// replace.
  convenience init(locking target: LinkedPath, _ status: stat, path: String) throws(SystemError) {
    var descriptor = vial_open(target.bytes, O_RDWR | O_NONBLOCK, 0)
    if descriptor < 0 { descriptor = vial_open(target.bytes, O_RDONLY | O_NONBLOCK, 0) }
    var opened = stat()
    let status = descriptor >= 0 && fstat(descriptor, &opened) == 0 ? opened : status
    self.init(status: status, descriptor: descriptor)
    // A file system without locks has no other way to tell; the unfinished file's name is taken all
    // the same.
    if descriptor >= 0, vial_lock(descriptor) != 0, vial_errno() == EWOULDBLOCK {
      throw SystemError("write", path: path, reason: "another program is changing it")
    }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }
}

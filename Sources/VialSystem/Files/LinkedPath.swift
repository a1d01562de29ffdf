// Owns: which file a path names when symbolic links at its end are followed, also when nothing is
// there yet.
// Must not: open or make anything. Paths stay bytes here: a link may hold any.

internal import CVialSystem

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// What paths say about files.
package enum FileNames {
  /// Whether two paths, links followed, are one name of one file: writing to either replaces what
  /// the other names.
  ///
  /// Two hard links are two names.
  package static func areSame(_ first: String, _ second: String) -> Bool {
    guard let first = try? LinkedPath(following: first, operation: "open"),
      let second = try? LinkedPath(following: second, operation: "open"),
      let (file, folder) = first.identity, let (otherFile, otherFolder) = second.identity
    else { return false }
    return file.isSame(as: otherFile) && folder.isSame(as: otherFolder)
      && first.lastComponent == second.lastComponent
  }
}

/// The path of a file itself, as a zero-terminated C string.
struct LinkedPath {
  let bytes: [CChar]

  /// Most links that one path may lead through; Linux has the same number.
  private static let linkLimit = 40
  /// Longest text of a link.
  private static let linkByteLimit = 4096

  init(bytes: [CChar]) { self.bytes = bytes }

  /// Follows the links at the end of `path`; a link to nothing gives the path of what it would
  /// name.
  /// - Throws: `SystemError` of `operation`: more links than a path may have, or one that is too
  ///   long.
  init(following path: String, operation: StaticString) throws(SystemError) {
    var current = Array(path.utf8CString)
    for _ in 0..<Self.linkLimit {
      var link = [CChar](repeating: 0, count: Self.linkByteLimit)
      let count = readlink(current, &link, link.count)
      // What is no link, or is not there, is the end; opening it says what else may be wrong.
      guard count > 0 else {
        bytes = current
        return
      }
      guard count < link.count else {
        throw SystemError(operation, path: path, code: ENAMETOOLONG)
      }
      let isAbsolute = link[0] == CChar(bitPattern: UInt8(ascii: "/"))
      current = (isAbsolute ? [] : Self.folder(of: current)) + link[..<count] + [0]
    }
    throw SystemError(operation, path: path, code: ELOOP)
  }

  /// The path up to its last slash, that included; empty when there is none.
  private static func folder(of path: [CChar]) -> [CChar] {
    let slash = path.lastIndex(of: CChar(bitPattern: UInt8(ascii: "/")))
    return slash.map { Array(path[...$0]) } ?? []
  }

  /// The path with `suffix` behind it.
  func appending(_ suffix: StaticString) -> LinkedPath {
    LinkedPath(bytes: bytes.dropLast() + Array(suffix.description.utf8CString))
  }

  /// The folder that the file lies in.
  var folder: LinkedPath {
    let folder = Self.folder(of: bytes)
    return LinkedPath(bytes: folder.isEmpty ? Array(".".utf8CString) : folder + [0])
  }

  /// The name of the file in its folder.
  fileprivate var lastComponent: ArraySlice<CChar> {
    let slash = bytes.lastIndex(of: CChar(bitPattern: UInt8(ascii: "/")))
    return bytes[(slash.map { $0 + 1 } ?? 0)...]
  }

  /// What lies at the path and what its folder is.
  fileprivate var identity: (file: stat, folder: stat)? {
    guard let file = status, let folder = folder.status else { return nil }
    return (file, folder)
  }

  /// The path as text; bytes that are not UTF-8 are repaired, so it is for messages and names
  /// derived from it.
  var text: String {
    String(decoding: bytes.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// What lies at the path, links followed; nil when nothing does or the system does not say.
  var status: stat? {
    var status = stat()
    return stat(bytes, &status) == 0 ? status : nil
  }

  /// Whether the path's last component is the open file itself, and not a link to it.
  func names(_ descriptor: Int32) -> Bool {
    var (opened, named) = (stat(), stat())
    return fstat(descriptor, &opened) == 0 && lstat(bytes, &named) == 0 && opened.isSame(as: named)
  }

  /// Makes names in the folder durable. Some file systems cannot sync a folder; files themselves
  /// are synced.
  func syncFolder() {
    let descriptor = vial_open(folder.bytes, O_RDONLY | O_DIRECTORY, 0)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }
}

extension stat {
  /// Whether both describe one file.
  func isSame(as other: stat) -> Bool { st_dev == other.st_dev && st_ino == other.st_ino }

  var isRegular: Bool { st_mode & S_IFMT == S_IFREG }
  var isFolder: Bool { st_mode & S_IFMT == S_IFDIR }
}

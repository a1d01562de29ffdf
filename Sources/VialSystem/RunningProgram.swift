// Owns: where the running program lies, and whether a file beside it can be read.
// Must not: search.

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// The program of this process.
package enum RunningProgram {
  /// The folder of its executable, links resolved; nil when the system does not say.
  package static var folder: String? {
    #if canImport(Darwin)
      var length = UInt32(0)
      _ = _NSGetExecutablePath(nil, &length)
      var name = [CChar](repeating: 0, count: Int(length) + 1)
      guard _NSGetExecutablePath(&name, &length) == 0 else { return nil }
    #else
      let name = Array("/proc/self/exe".utf8CString)
    #endif
    guard let path = realpath(name, nil) else { return nil }
    defer { free(path) }
    let whole = String(cString: path)
    return whole.lastIndex(of: "/").map { String(whole[..<$0]) }
  }

  /// Whether this process may read the file.
  package static func canRead(_ path: String) -> Bool { access(path, R_OK) == 0 }
}

// Owns: where the demonstration model lies: beside the command, or in the installation's share folder.
// Must not: search anywhere else; no environment variable moves it.

import VialSystem

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The model that the project carries.
enum DemoModel {
  /// What every use of it says on stderr.
  static let notice = "demonstration, not for clinical use"

  /// Its path.
  static func path() throws -> String {
    let folder = try executableFolder()
    let candidates = [
      folder + "/Vial_VialCommand.resources/demo.vial", folder + "/../share/vial/demo.vial",
    ]
    for path in candidates where access(path, R_OK) == 0 { return path }
    throw CommandFailure(
      "the demonstration model is not installed (\(candidates[0])); name a .vial file")
  }

  private static func executableFolder() throws -> String {
    #if canImport(Darwin)
      var length = UInt32(0)
      _NSGetExecutablePath(nil, &length)
      var bytes = [CChar](repeating: 0, count: Int(length) + 1)
      guard _NSGetExecutablePath(&bytes, &length) == 0 else {
        throw CommandFailure("cannot find the folder of this program")
      }
      let name = bytes
    #else
      let name = Array("/proc/self/exe".utf8CString)
    #endif
    guard let path = realpath(name, nil) else {
      throw CommandFailure("cannot find the folder of this program")
    }
    defer { free(path) }
    let whole = String(cString: path)
    return String(whole[..<(whole.lastIndex(of: "/") ?? whole.startIndex)])
  }
}

// Owns: opening a file for the commands that look at files rather than run them, and showing text
// from files safely.
// Must not: bind tensors; an architecture that this build cannot run can still be dumped and verified.

import VialFormat
import VialModel

/// Opens files without running them.
enum FileInspection {
  /// Maps and validates a file; a failure is one line that names it.
  static func open(_ path: String) throws -> FileDescriptor {
    do throws(ModelError) {
      return try ModelFile(path: path).descriptor
    } catch { throw CommandFailure(line(error, path: path)) }
  }

  /// One line for a failure; a broken rule gets the file's name.
  static func line(_ error: any Error, path: String) -> String {
    if case .format(let error)? = error as? ModelError { return "\(path): \(error)" }
    return error is FormatError ? "\(path): \(error)" : "\(error)"
  }

  /// Text from a file for a terminal: controls, which could drive it, are spelled out.
  static func printable(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar.value {
      case 0x0A: result += "\\n"
      case 0x09: result += "\\t"
      case 0..<0x20, 0x7F..<0xA0, 0x202A...0x202E, 0x2066...0x2069:
        result += "\\u{" + String(scalar.value, radix: 16) + "}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}

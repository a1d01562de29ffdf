// Owns: opening a file for the commands that look at files rather than run them.
// Must not: bind tensors; an architecture that this build cannot run can still be dumped and
// verified.

import VialFormat
import VialModel

/// Opens files without running them.
enum FileInspection {
  /// Maps and validates a file; a failure is one line that names it.
  static func open(_ path: String) throws -> VialFile {
    do throws(ModelError) {
      return try ModelFile(path: path).descriptor
    } catch { throw CommandFailure(line(error, path: path)) }
  }

  /// One line for a failure; a broken rule gets the file's name.
  static func line(_ error: any Error, path: String) -> String {
    if case .format(let error)? = error as? ModelError { return "\(path): \(error)" }
    return error is FormatError ? "\(path): \(error)" : "\(error)"
  }
}

// Owns: opening the file of a command that computes; a failure is one line that names it.
// Must not: open it otherwise than the library does.

import Vial
import VialModel

extension Model {
  /// A model whose errors name its file.
  static func opened(
    _ path: String, verification: ModelFile.Verification = .tables
  ) throws -> Model {
    do throws(VialError) {
      return try Model(path: path, verification: verification)
    } catch {
      // The system's errors name it themselves.
      if case .system = error { throw error }
      throw CommandFailure("\(path): \(error)")
    }
  }
}

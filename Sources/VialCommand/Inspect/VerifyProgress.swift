// Owns: verifying with a progress bar, for every command that verifies.
// Must not: judge what was found.

import VialFormat
import VialModel

extension FileVerification {
  /// Reads what was asked for on all processors, telling the progress on stderr.
  func runWithProgress() throws -> VerificationReport {
    let progress = ProgressReporter()
    defer { progress.finish() }
    let report = try run { done in
      progress.update("verifying", done: done, total: totalByteCount)
      return true
    }
    guard let report else { throw CommandFailure("verifying was stopped") }
    return report
  }
}

// What `vial pack` says while it works: the packer's progress through the shared reporter.
// Must not: know how packing is done.

import VialPacking

/// Progress and warnings of a packing job.
final class PackProgress: Sendable {
  private let reporter = ProgressReporter()

  /// Shows a report of the packer.
  func show(_ progress: PackObserver.Progress) {
    reporter.update(
      progress.stage, done: progress.completedByteCount, total: progress.totalByteCount)
  }

  /// Clears the bar.
  func finish() { reporter.finish() }

  /// One line on stderr.
  func say(_ line: String) { reporter.say(line) }
}

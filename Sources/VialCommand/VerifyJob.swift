// Owns: the threads and the progress of a verification.

import Synchronization
import VialFormat
import VialSystem
import VialText

/// Checks one opened file on all processors.
struct VerifyJob {
  private let file: FileDescriptor

  init(_ file: FileDescriptor) { self.file = file }

  /// All problems; empty when the file is whole.
  func run() -> [FormatError] {
    let verifier = Verifier(file)
    let progress = ProgressReporter()
    defer { progress.finish() }
    progress.update("verifying", done: 0, total: verifier.totalByteCount)
    let outcomes = outcomes(verifier, progress)
    return verifier.report(outcomes) + textProblems()
  }

  /// The outcome of every piece; workers take the next piece as they get free.
  private func outcomes(
    _ verifier: Verifier, _ progress: ProgressReporter
  ) -> [Verifier.Outcome] {
    let count = verifier.pieceCount
    let pool = ThreadPool(workerCount: min(Processors.availableCount, max(1, count)))
    return [Verifier.Outcome](unsafeUninitializedCapacity: count) { buffer, initializedCount in
      buffer.initialize(repeating: .none)
      initializedCount = count
      let next = Atomic<Int>(0)
      let done = Atomic<UInt64>(0)
      // Each piece is taken by one worker, so no element is written twice.
      nonisolated(unsafe) let results = buffer
      pool.run { _ in
        while true {
          let index = next.add(1, ordering: .relaxed).oldValue
          guard index < count else { return }
          let outcome = verifier.perform(index)
          results[index] = outcome
          let bytes = done.add(outcome.byteCount, ordering: .relaxed).newValue
          progress.update("verifying", done: bytes, total: verifier.totalByteCount)
        }
      }
    }
  }

  /// Problems of the sections that VialText reads.
  private func textProblems() -> [FormatError] {
    var problems: [FormatError] = []
    for section in file.sections {
      guard let region = file.storedBytes(of: section) else { continue }
      do throws(FormatError) {
        switch section.kind {
        case .tokenizer: _ = try Tokenizer(region)
        case .chatTemplate: _ = try ChatTemplate(region)
        default: break
        }
      } catch { problems.append(error) }
    }
    return problems
  }
}

// Owns: verifying an opened file on several threads, with progress, the sections of VialText
// included.
// Must not: decide rules; VialFormat and VialText do. Spec/FORMAT.md, "Verifying".

import Synchronization
package import VialFormat
import VialSystem
import VialText

/// Checks an opened file, or some of its sections, byte by byte.
public struct FileVerification: Sendable {
  private let verifier: Verifier

  /// Splits the work; reads nothing but the targets of adapters.
  /// - Parameter sections: nil: the whole file, with what lies between the sections.
  /// - Throws: `outOfMemory`.
  package init(_ file: VialFile, sections: [SectionDescriptor]? = nil) throws(FormatError) {
    verifier = try Verifier(file, sections: sections)
  }

  /// Bytes that will be read; weights count twice, for their digest and for their values.
  public var totalByteCount: UInt64 { verifier.totalByteCount }

  /// Reads everything; nil when `progress` stopped it.
  ///
  /// - Parameters:
  ///   - threadCount: the caller's included; nil: as many as affinity and quota allow.
  ///   - progress: is called on the calling thread with the bytes done; returns whether to go on.
  /// - Throws: `outOfMemory`.
  package func run(
    threadCount: Int? = nil, progress: (UInt64) -> Bool = { _ in true }
  ) throws(FormatError) -> VerificationReport? {
    guard let outcomes = try outcomes(threadCount ?? Processors.availableCount, progress) else {
      return nil
    }
    var report = try verifier.report(outcomes)
    for section in report.sections.map(\.section) {
      if let problem = try textProblem(in: section) { report.add(problem, in: section) }
    }
    return report
  }

  /// Bytes that a thread and what it works in may take.
  private static let threadByteCount = 64 << 10

  /// The outcome of every piece; workers take the next piece as they get free.
  private func outcomes(
    _ threadCount: Int, _ progress: (UInt64) -> Bool
  ) throws(FormatError) -> [Verifier.Outcome]? {
    let count = verifier.pieceCount
    let held = Self.threadByteCount * min(threadCount, max(1, count))
    guard MemoryReserve.hold(held) else { throw .outOfMemory }
    defer { MemoryReserve.release(held) }
    let pool = ThreadPool(workerCount: min(threadCount, max(1, count)))
    let isStopped = Atomic<Bool>(!progress(0))
    let outcomes = [Verifier.Outcome](unsafeUninitializedCapacity: count) {
      buffer, initializedCount in
      buffer.initialize(repeating: .none)
      initializedCount = count
      let next = Atomic<Int>(0)
      let done = Atomic<UInt64>(0)
      // Each piece is taken by one worker, so no element is written twice.
      nonisolated(unsafe) let results = buffer
      pool.run { worker in
        while !isStopped.load(ordering: .relaxed) {
          let index = next.add(1, ordering: .relaxed).oldValue
          guard index < count else { return }
          let outcome = verifier.perform(index)
          results[index] = outcome
          let bytes = done.add(outcome.byteCount, ordering: .relaxed).newValue
          // Worker 0 is the calling thread.
          if worker == 0, !progress(bytes) { isStopped.store(true, ordering: .relaxed) }
        }
      }
    }
    guard !isStopped.load(ordering: .relaxed), progress(verifier.totalByteCount) else { return nil }
    return outcomes
  }

  /// What VialText finds in a section that it reads.
  /// - Throws: `outOfMemory`.
  private func textProblem(in section: SectionDescriptor) throws(FormatError) -> FormatError? {
    guard let region = verifier.file.storedBytes(of: section) else { return nil }
    do throws(FormatError) {
      switch section.kind {
      case .tokenizer:
        let size = verifier.file.configuration.vocabularySize
        _ = try Tokenizer(region, vocabularySize: size)
      case .chatTemplate: _ = try ChatTemplate(copying: region)
      case .promptTemplate: _ = try PromptTemplate(copying: region, section: section.id)
      default: break
      }
    } catch {
      if error.isOutOfMemory { throw error }
      return error
    }
    return nil
  }
}

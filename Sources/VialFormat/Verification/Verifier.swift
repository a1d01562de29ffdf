// Owns: everything that opening leaves out (digests of every section, padding, weights' values,
// cold text, spare root slot and tail), split into pieces that threads can share.
// Must not: start threads, or stop at the first problem.
// Source: Spec/FORMAT.md, "Verifying".

/// Checks an opened file completely, or some of its sections.
///
/// Call `perform` for every piece, from as many threads as wanted, then `report` with all outcomes.
package struct Verifier: Sendable {
  /// What one piece showed.
  package struct Outcome: Sendable {
    /// Bytes that were read.
    package let byteCount: UInt64
    fileprivate let leaves: [Digest]
    fileprivate let problem: FormatError?

    /// Nothing yet; a placeholder in arrays.
    package static let none = Outcome(byteCount: 0, leaves: [], problem: nil)
  }

  private enum Piece {
    /// Consecutive chunks of a section's digest tree, as many as are hashed together.
    case chunks(section: Int, range: Range<UInt64>)
    /// Some tiles of a tensor.
    case tiles(tensor: Int, range: Range<Int>)
    /// Some tiles of a matrix of an adapter.
    case adapterTiles(matrix: Int, range: Range<Int>)
  }

  /// The file that is checked.
  package let file: VialFile
  /// Indices of the sections that are checked, in file order; free ones never are.
  private let checked: [Int]
  private let isWhole: Bool
  private let pieces: [Piece]
  /// Matrices of all adapters that could be read, and what is wrong with the others.
  private let adapters: AdapterMatrices
  /// Bytes that all pieces read together: stored bytes once for digests, weights again for values.
  package let totalByteCount: UInt64
  /// For the pieces, their outcomes and the report, which cannot fail softly.
  private let memory: HeldMemory

  /// Splits the work; reads nothing but the targets of adapters. Allocates some 40 bytes for each
  /// MiB that is checked.
  /// - Parameter sections: the sections to check; nil: the whole file, with what lies between them.
  /// - Throws: `outOfMemory`.
  package init(
    _ file: VialFile, sections: [SectionDescriptor]? = nil
  ) throws(FormatError) {
    guard let memory = HeldMemory(Verifier.workByteCount(file)) else { throw .outOfMemory }
    self.memory = memory
    self.file = file
    isWhole = sections == nil
    let wanted = sections.map { Set($0.map(\.offset)) }
    let checked = file.sections.indices.filter {
      let section = file.sections[$0]
      return section.kind != .free && wanted?.contains(section.offset) ?? true
    }
    self.checked = checked
    var pieces: [Piece] = []
    var total: UInt64 = 0
    for index in checked {
      let section = file.sections[index]
      let count = DigestTree.chunkCount(section.storedByteCount)
      for first in stride(from: 0, to: count, by: Int(DigestTree.chunksPerTurn)) {
        let end = min(count, first + DigestTree.chunksPerTurn)
        pieces.append(.chunks(section: index, range: first..<end))
      }
      total += section.storedByteCount
    }
    let weights = Set(
      checked.map { file.sections[$0] }.filter { $0.kind == .weights }.map(\.id))
    for index in 0..<file.tensors.count {
      let tensor = file.tensors[index]
      guard weights.contains(tensor.weightsSection) else { continue }
      for range in TensorValueCheck.pieces(of: tensor) {
        pieces.append(.tiles(tensor: index, range: range))
      }
      total += UInt64(tensor.byteCount)
    }
    adapters = try AdapterMatrices(of: file, in: checked.map { file.sections[$0] })
    for (index, matrix) in adapters.matrices.enumerated() {
      for range in TensorValueCheck.pieces(of: matrix.tensor) {
        pieces.append(.adapterTiles(matrix: index, range: range))
      }
      total += UInt64(matrix.tensor.byteCount)
    }
    self.pieces = pieces
    totalByteCount = total
  }

  /// What checking all of a file takes at most, adapters excepted. A section's chunks, and a
  /// tensor's tiles, make at most a piece for each half MiB, and one more.
  private static func workByteCount(_ file: VialFile) -> Int {
    let halves = file.file.byteCount >> 19
    return FormatLimits.verifyingBytesPerSection * file.sections.count
      + FormatLimits.verifyingBytesPerPiece * (2 * halves + file.tensors.count)
  }

  /// Number of pieces.
  package var pieceCount: Int { pieces.count }

  /// Checks piece `index` < `pieceCount`: 1 to 16 MiB. May run on any thread.
  package func perform(_ index: Int) -> Outcome {
    switch pieces[index] {
    case .chunks(let sectionIndex, let range):
      let section = file.sections[sectionIndex]
      let start = range.lowerBound * FormatConstants.chunkByteCount
      let length = min(
        UInt64(range.count) * FormatConstants.chunkByteCount, section.storedByteCount - start)
      guard let bytes = file.file.slice(section.offset + start, length) else { return .none }
      return Outcome(
        byteCount: length, leaves: DigestTree.leaves(of: DigestTree.chunks(of: bytes)),
        problem: nil)
    case .tiles(let tensorIndex, let range):
      let tensor = file.tensors[tensorIndex]
      let check = TensorValueCheck(tensor)
      return Outcome(
        byteCount: UInt64(check.byteCount(of: range)), leaves: [], problem: check.problem(in: range)
      )
    case .adapterTiles(let matrix, let range):
      let check = TensorValueCheck(adapters.matrices[matrix].tensor, context: "file")
      return Outcome(
        byteCount: UInt64(check.byteCount(of: range)), leaves: [], problem: check.problem(in: range)
      )
    }
  }

  /// Checks all pieces on this thread. `progress` hears the bytes done so far.
  /// - Throws: `outOfMemory`.
  package func verify(
    progress: (UInt64) -> Void = { _ in }
  ) throws(FormatError) -> VerificationReport {
    var outcomes: [Outcome] = []
    outcomes.reserveCapacity(pieceCount)
    var done: UInt64 = 0
    for index in 0..<pieceCount {
      let outcome = perform(index)
      outcomes.append(outcome)
      done += outcome.byteCount
      progress(done)
    }
    return try report(outcomes)
  }

  /// All problems, given the outcome of every piece in order.
  /// - Throws: `outOfMemory`.
  package func report(_ outcomes: [Outcome]) throws(FormatError) -> VerificationReport {
    precondition(outcomes.count == pieceCount, "one outcome for each piece")
    var report = VerificationReport(checked.map { file.sections[$0] })
    if isWhole { for problem in slotProblems() { report.add(problem) } }
    let chunkDigests = checkDigests(outcomes, &report)
    if isWhole {
      for problem in chunkDigestProblems(chunkDigests) {
        report.add(problem, in: file.sectionTable.find(.chunkDigests))
      }
      for problem in paddingProblems() { report.add(problem) }
    }
    for problem in tensorPaddingProblems(report) { report.add(problem.error, in: problem.section) }
    for (piece, outcome) in zip(pieces, outcomes) {
      guard case .tiles(let tensor, _) = piece, let problem = outcome.problem else { continue }
      report.add(
        problem,
        in: file.sectionTable.find(.weights, id: file.tensors[tensor].weightsSection))
    }
    for (problem, section) in adapters.problems { report.add(problem, in: section) }
    for (piece, outcome) in zip(pieces, outcomes) {
      guard case .adapterTiles(let matrix, _) = piece, let problem = outcome.problem else {
        continue
      }
      report.add(problem, in: adapters.matrices[matrix].section)
    }
    try checkContents(&report)
    return report
  }

  /// Compares every section digest with the leaves that were found, and collects these.
  private func checkDigests(
    _ outcomes: [Outcome], _ report: inout VerificationReport
  ) -> ChunkDigests {
    var leaves: [Int: [Digest]] = [:]
    for (piece, outcome) in zip(pieces, outcomes) {
      guard case .chunks(let section, _) = piece else { continue }
      leaves[section, default: []] += outcome.leaves
    }
    var chunkDigests = ChunkDigests()
    for index in checked {
      let section = file.sections[index]
      let found = leaves[index] ?? []
      if DigestTree.root(leaves: found[...], byteCount: section.storedByteCount) != section.digest {
        report.add(
          FormatError(rule: 220, offset: section.offset, "a section does not match its digest"),
          in: section)
      }
      chunkDigests.add(section, found)
    }
    return chunkDigests
  }

  /// A damaged spare slot, and bytes after the end.
  private func slotProblems() -> [FormatError] {
    var problems: [FormatError] = []
    for case .damaged(let error) in file.rootSlots { problems.append(error) }
    if file.tailByteCount > 0 {
      problems.append(
        FormatError(
          rule: 117, offset: file.root.fileByteCount,
          "bytes after the end of the file: an unfinished append"))
    }
    return problems
  }

  private func chunkDigestProblems(_ expected: ChunkDigests) -> [FormatError] {
    guard let section = file.sectionTable.find(.chunkDigests) else {
      guard !expected.isEmpty else { return [] }
      return [
        FormatError(rule: 223, offset: file.root.tableOffset, "chunk digests are missing")
      ]
    }
    guard let region = file.storedBytes(of: section) else { return [] }
    let wanted = expected.encoded()
    let headEnd = min(expected.headByteCount, wanted.count)
    guard !expected.isEmpty, region.byteCount == wanted.count,
      region.bytes.matches(Array(wanted[..<headEnd]), at: 0)
    else {
      return [
        FormatError(rule: 222, offset: section.offset, "chunk digests do not fit the sections")
      ]
    }
    guard region.bytes.matches(wanted, at: 0) else {
      return [FormatError(rule: 223, offset: section.offset, "chunk digests are wrong")]
    }
    return []
  }

  /// Padding between sections must be zero.
  private func paddingProblems() -> [FormatError] {
    var problems: [FormatError] = []
    var end = FormatConstants.firstSectionOffset
    for section in file.sections {
      if !isZero(end, section.offset) {
        problems.append(FormatError(rule: 221, offset: end, "padding is not zero"))
      }
      end = section.end
    }
    if !isZero(end, file.root.tableOffset) {
      problems.append(FormatError(rule: 221, offset: end, "padding is not zero"))
    }
    return problems
  }

  /// Padding between the tensors of the checked sections must be zero.
  private func tensorPaddingProblems(
    _ report: VerificationReport
  ) -> [(error: FormatError, section: SectionDescriptor)] {
    var problems: [(FormatError, SectionDescriptor)] = []
    var end: UInt64 = 0
    var section: SectionDescriptor?
    for index in file.tensors.fileOrder {
      let tensor = file.tensors[Int(index)]
      if section?.id != tensor.weightsSection {
        section = file.sectionTable.find(.weights, id: tensor.weightsSection)
        end = 0
      }
      guard let section, report.covers(section) else { continue }
      let start = section.offset
      if !isZero(start + end, start + tensor.offset) {
        problems.append(
          (
            FormatError(rule: 606, offset: start + end, "padding between tensors is not zero"),
            section
          ))
      }
      end = tensor.offset + UInt64(tensor.byteCount)
    }
    return problems
  }

  private func isZero(_ start: UInt64, _ end: UInt64) -> Bool {
    guard let gap = file.file.slice(start, end - start) else { return false }
    return gap.bytes.isZero(0, gap.byteCount)
  }

  /// Cold text decompresses and is UTF-8; provenance is well-formed; signatures are right, if
  /// perhaps stale.
  private func checkContents(_ report: inout VerificationReport) throws(FormatError) {
    for index in checked {
      let section = file.sections[index]
      do throws(FormatError) {
        switch section.kind {
        case .text:
          let text = try file.contents(of: section)
          if !text.isUTF8(0..<text.byteCount) {
            throw FormatError(rule: 608, offset: section.offset, "text is not UTF-8")
          }
        case .provenance: _ = try file.provenance()
        default: break
        }
      } catch {
        if error.isOutOfMemory { throw error }
        let isText = section.kind == .text
        report.add(
          isText ? FormatError(rule: error.rule, offset: section.offset, error.message) : error,
          in: section)
      }
    }
    for section in file.sectionTable.all(.signature) where report.covers(section) {
      guard try file.report(on: section).state == .wrong else { continue }
      report.add(
        FormatError(rule: 651, offset: section.offset, "a signature is wrong"), in: section)
    }
  }
}

/// What there is to check in the adapters of a file.
private struct AdapterMatrices: Sendable {
  private(set) var matrices: [(tensor: TensorDescriptor, section: SectionDescriptor)] = []
  private(set) var problems: [(error: FormatError, section: SectionDescriptor)] = []
  private var memory: [HeldMemory] = []

  /// - Throws: `outOfMemory`.
  init(of file: VialFile, in sections: [SectionDescriptor]) throws(FormatError) {
    for section in sections {
      do throws(FormatError) {
        guard let adapter = try file.adapter(in: section) else { continue }
        try adapter.check(base: file)
        // A matrix is a tensor, a piece for each half MiB, and perhaps a problem.
        let pieceCount = 2 * adapter.targets.count + Int(section.storedByteCount >> 19)
        guard
          let held = HeldMemory(2 * FormatLimits.verifyingBytesPerPiece * pieceCount)
        else { throw .outOfMemory }
        memory.append(held)
        matrices += adapter.targets.flatMap(\.tensors).map { ($0, section) }
      } catch {
        if error.isOutOfMemory { throw error }
        problems.append((error, section))
      }
    }
  }
}

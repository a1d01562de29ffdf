// Everything that opening leaves out: digests of every section, padding, weights' values, cold text,
// spare root slot and tail. Owns: the split into pieces that threads can share.
// Must not: start threads, or stop at the first problem. Implements: Spec/FORMAT.md, "Verifying".

/// Checks an opened file completely.
///
/// Call `perform` for every piece, from as many threads as wanted, then `report` with all outcomes.
public struct Verifier: Sendable {
  /// What one piece showed.
  public struct Outcome: Sendable {
    /// Bytes that were read.
    public let byteCount: UInt64
    fileprivate let leaf: Digest?
    fileprivate let problem: FormatError?

    /// Nothing yet; a placeholder in arrays.
    public static let none = Outcome(byteCount: 0, leaf: nil, problem: nil)
  }

  private enum Piece {
    /// One chunk of a section's digest tree.
    case chunk(section: Int, index: UInt64)
    /// Some tiles of a tensor.
    case tiles(tensor: Int, range: Range<Int>)
  }

  /// The file that is checked.
  public let file: FileDescriptor
  private let pieces: [Piece]
  /// Bytes that all pieces read together: stored bytes once for digests, weights again for values.
  public let totalByteCount: UInt64

  /// Splits the work; reads nothing. Allocates some 32 bytes for each MiB of the file.
  public init(_ file: FileDescriptor) {
    self.file = file
    var pieces: [Piece] = []
    var total: UInt64 = 0
    for (index, section) in file.sections.enumerated() where section.kind != .free {
      for chunk in 0..<DigestTree.chunkCount(section.storedByteCount) {
        pieces.append(.chunk(section: index, index: chunk))
      }
      total += section.storedByteCount
    }
    for index in 0..<file.tensors.count {
      let tensor = file.tensors[index]
      for range in TensorValueCheck.pieces(of: tensor) {
        pieces.append(.tiles(tensor: index, range: range))
      }
      total += UInt64(tensor.byteCount)
    }
    self.pieces = pieces
    totalByteCount = total
  }

  /// Number of pieces.
  public var pieceCount: Int { pieces.count }

  /// Checks piece `index` < `pieceCount`: about 1 MiB. May run on any thread.
  public func perform(_ index: Int) -> Outcome {
    switch pieces[index] {
    case .chunk(let sectionIndex, let chunk):
      let section = file.sections[sectionIndex]
      let start = chunk * FormatConstants.chunkByteCount
      let length = min(FormatConstants.chunkByteCount, section.storedByteCount - start)
      guard let bytes = file.file.slice(section.offset + start, length) else { return .none }
      return Outcome(byteCount: length, leaf: DigestTree.leaf(bytes.bytes), problem: nil)
    case .tiles(let tensorIndex, let range):
      let tensor = file.tensors[tensorIndex]
      let check = TensorValueCheck(tensor)
      return Outcome(
        byteCount: UInt64(check.byteCount(of: range)), leaf: nil, problem: check.problem(in: range))
    }
  }

  /// Checks all pieces on this thread. `progress` hears the bytes done so far.
  public func verify(progress: (UInt64) -> Void = { _ in }) -> [FormatError] {
    var outcomes: [Outcome] = []
    outcomes.reserveCapacity(pieceCount)
    var done: UInt64 = 0
    for index in 0..<pieceCount {
      let outcome = perform(index)
      outcomes.append(outcome)
      done += outcome.byteCount
      progress(done)
    }
    return report(outcomes)
  }

  /// All problems, given the outcome of every piece in order. Empty means that the file is whole.
  public func report(_ outcomes: [Outcome]) -> [FormatError] {
    precondition(outcomes.count == pieceCount, "one outcome for each piece")
    var problems = slotProblems()
    var chunkDigests = ChunkDigests()
    var position = 0
    for section in file.sections where section.kind != .free {
      let chunkCount = Int(DigestTree.chunkCount(section.storedByteCount))
      let leaves = outcomes[position..<position + chunkCount].map { $0.leaf ?? .zero }
      position += chunkCount
      if DigestTree.root(leaves: leaves[...], byteCount: section.storedByteCount) != section.digest
      {
        problems.append(
          FormatError(rule: 220, offset: section.offset, "a section does not match its digest"))
      }
      chunkDigests.add(section, leaves)
    }
    problems += chunkDigestProblems(chunkDigests)
    problems += paddingProblems()
    problems += outcomes[position...].compactMap(\.problem)
    problems += contentProblems()
    return problems
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
      return [FormatError(rule: 223, offset: 0, "chunk digests are missing")]
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

  /// Padding between sections and between tensors must be zero.
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
    return problems + tensorPaddingProblems()
  }

  private func tensorPaddingProblems() -> [FormatError] {
    var problems: [FormatError] = []
    var end: UInt64 = 0
    var section: SectionDescriptor?
    for index in file.tensors.fileOrder {
      let tensor = file.tensors[Int(index)]
      if section?.id != tensor.weightsSection {
        section = file.sectionTable.find(.weights, id: tensor.weightsSection)
        end = 0
      }
      let start = section?.offset ?? 0
      if !isZero(start + end, start + tensor.offset) {
        problems.append(
          FormatError(rule: 606, offset: start + end, "padding between tensors is not zero"))
      }
      end = tensor.offset + UInt64(tensor.byteCount)
    }
    return problems
  }

  private func isZero(_ start: UInt64, _ end: UInt64) -> Bool {
    guard let gap = file.file.slice(start, end - start) else { return false }
    return gap.bytes.isZero(0, gap.byteCount)
  }

  /// Cold text decompresses and is UTF-8; provenance is well-formed; signatures are
  /// right, if perhaps stale.
  private func contentProblems() -> [FormatError] {
    var problems: [FormatError] = []
    for section in file.sectionTable.all(.text) {
      do throws(FormatError) {
        let text = ByteRegion(copying: try file.contents(of: section))
        if !text.isUTF8(0..<text.byteCount) {
          problems.append(FormatError(rule: 608, offset: section.offset, "text is not UTF-8"))
        }
      } catch {
        problems.append(FormatError(rule: error.rule, offset: section.offset, error.message))
      }
    }
    do throws(FormatError) { _ = try file.provenance() } catch { problems.append(error) }
    for report in file.signatures where report.state == .wrong {
      problems.append(
        FormatError(rule: 651, offset: report.section.offset, "a signature is wrong"))
    }
    return problems
  }
}

// Owns: which chunks of the weights were checked against their digests, so that a step computes
// with checked ones only.
// Must not: know layers. What every step reads in full is checked before the first step, rows of an
// embedding that is not also the head when they are looked up.
// Source: Spec/FORMAT.md, "Digests".

import Synchronization
import VialArchitectures
import VialCompute
import VialFormat
import VialSystem

/// Checks each chunk of the weights before its first use. Shared between threads: when two need a
/// chunk for the first time at once, both check it.
final class LazyVerification: Sendable {
  private struct Chunk {
    let section: Int
    let index: Int
  }

  /// Rows that are read one by one.
  private struct Rows {
    /// The number of the first chunk of their section among all chunks.
    let firstChunk: Int
    /// Of the tensor, in its section.
    let offset: Int
    let tileByteCount: Int
    let tileCount: Int
  }

  private let sections: [SectionChunks]
  private let chunks: [Chunk]
  private let isChecked: Flags
  /// Chunks that every step reads.
  private let shared: [Int]
  private let areSharedChecked = Atomic<Bool>(false)
  private let rows: Rows?

  /// Bytes that all lists take for each chunk, however they grow.
  private static let chunkByteCount = 128

  /// Proves the stored leaves; reads no weights but those of a section with one chunk only.
  /// - Throws, `outOfMemory`.
  init(_ file: VialFile) throws(FormatError) {
    let mostChunks = file.file.byteCount / SectionChunks.chunkByteCount + file.sections.count
    let held = Self.chunkByteCount * mostChunks
    guard MemoryReserve.hold(held) else { throw .outOfMemory }
    defer { MemoryReserve.release(held) }
    var sections: [SectionChunks] = []
    for section in file.sections where section.kind == .weights {
      sections.append(try SectionChunks(section, of: file))
    }
    var chunks: [Chunk] = []
    for (section, content) in sections.enumerated() {
      chunks += (0..<content.count).map { Chunk(section: section, index: $0) }
    }
    let embedding =
      file.configuration.isEmbeddingTied
      ? nil : file.tensors.find(Architecture.embedding.name(layer: nil))
    var rows: Rows?
    var single: Range<Int> = 0..<0
    if let embedding,
      let home = sections.firstIndex(where: { $0.section.id == embedding.weightsSection })
    {
      let first = sections[..<home].reduce(0) { $0 + $1.count }
      let tileCount = max(1, (embedding.shape.rowCount + Tile.rows - 1) / Tile.rows)
      rows = Rows(
        firstChunk: first, offset: Int(embedding.offset),
        tileByteCount: embedding.byteCount / tileCount, tileCount: tileCount)
      single = Self.chunks(
        inside: Int(embedding.offset)..<Int(embedding.offset) + embedding.byteCount, after: first)
    }
    self.sections = sections
    self.chunks = chunks
    self.rows = rows
    shared = chunks.indices.filter { !single.contains($0) }
    guard let isChecked = Flags(count: chunks.count) else { throw .outOfMemory }
    self.isChecked = isChecked
  }

  /// Chunks that hold bytes of a tensor only.
  private static func chunks(inside bytes: Range<Int>, after first: Int) -> Range<Int> {
    let length = SectionChunks.chunkByteCount
    let begin = (bytes.lowerBound + length - 1) / length
    return first + begin..<first + max(begin, bytes.upperBound / length)
  }

  /// Checks what a step over these tokens reads, as far as nobody has; the workers of `pool` share
  /// it. A step that finds everything checked costs a few atomic loads.
  /// - Throws: R-220 for the first chunk that is damaged, `outOfMemory`; then nothing may be
  ///   computed.
  func check(_ segments: [StepSegment], on pool: ThreadPool) throws(FormatError) {
    let checksShared = !areSharedChecked.load(ordering: .acquiring)
    guard checksShared || rows != nil else { return }
    let mostWanted = (checksShared ? chunks.count : 0) + mostRowChunks(of: segments)
    let held = Self.chunkByteCount * mostWanted
    guard MemoryReserve.hold(held) else { throw .outOfMemory }
    defer { MemoryReserve.release(held) }
    var wanted: [Int] = []
    if checksShared { wanted = shared.filter { !isChecked[$0] } }
    if let rows {
      for segment in segments {
        for index in 0..<segment.count {
          // A token beyond the embedding is not looked up.
          let tile = min(Int(segment.tokens[index]) / Tile.rows, rows.tileCount - 1)
          let start = rows.offset + tile * rows.tileByteCount
          let end = start + rows.tileByteCount - 1
          let length = SectionChunks.chunkByteCount
          for chunk in rows.firstChunk + start / length...rows.firstChunk + end / length
          where !isChecked[chunk] { wanted.append(chunk) }
        }
      }
    }
    if !wanted.isEmpty { try check(Set(wanted).sorted(), on: pool) }
    if checksShared { areSharedChecked.store(true, ordering: .releasing) }
  }

  /// Chunks that the rows of all tokens lie in, those of several tokens several times.
  private func mostRowChunks(of segments: [StepSegment]) -> Int {
    guard let rows else { return 0 }
    let tokenCount = segments.reduce(0) { $0 + $1.count }
    return tokenCount * (rows.tileByteCount / SectionChunks.chunkByteCount + 2)
  }

  private func check(_ wanted: [Int], on pool: ThreadPool) throws(FormatError) {
    let turn = SectionChunks.chunksPerTurn
    let next = Atomic<Int>(0)
    let found = Locked<FormatError?>(nil)
    pool.run { _ in
      while found.withLock({ $0 == nil }) {
        let first = next.add(turn, ordering: .relaxed).oldValue
        guard first < wanted.count else { return }
        let mine = wanted[first..<min(first + turn, wanted.count)]
        if let problem = problem(in: mine) {
          found.withLock { if problem.offset < $0?.offset ?? .max { $0 = problem } }
        }
      }
    }
    if let problem = found.withLock({ $0 }) { throw problem }
  }

  /// Reads chunks, which may be of several sections, and notes those that are right.
  private func problem(in wanted: ArraySlice<Int>) -> FormatError? {
    for section in sections.indices {
      let mine = wanted.filter { chunks[$0].section == section }
      if mine.isEmpty { continue }
      if let problem = sections[section].problem(inChunks: mine.map { chunks[$0].index }) {
        return problem
      }
      for chunk in mine { isChecked.set(chunk) }
    }
    return nil
  }
}

/// Booleans that only ever become true.
private final class Flags: @unchecked Sendable {
  // Atomic<Bool> is trivial: nothing to deinitialise.
  private let memory: WorkMemory
  private let values: UnsafeMutablePointer<Atomic<Bool>>

  /// nil when memory is short.
  init?(count: Int) {
    let stride = MemoryLayout<Atomic<Bool>>.stride
    guard let memory = WorkMemory(byteCount: count * stride) else { return nil }
    self.memory = memory
    values = memory.base.bindMemory(to: Atomic<Bool>.self, capacity: count)
    for index in 0..<count { (values + index).initialize(to: Atomic(false)) }
  }

  subscript(index: Int) -> Bool { values[index].load(ordering: .acquiring) }

  func set(_ index: Int) { values[index].store(true, ordering: .releasing) }
}

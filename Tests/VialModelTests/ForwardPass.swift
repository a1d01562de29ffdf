// Owns: a forward pass with KV blocks of its own, with arrays in and out.
// Must not: assert; tests do.

import VialCompute
import VialModel
import VialSystem

/// What `DecoderForward` computes for the texts of a few sequences, without an engine.
final class ForwardPass {
  /// Consecutive tokens of one sequence.
  struct Piece {
    let sequence: Int
    let ids: ArraySlice<UInt32>
    /// How many of its last rows get logits; nil: all.
    var logitsCount: Int?
  }

  private struct NoMemory: Error {}

  let forward: DecoderForward
  let layout: KVCacheLayout
  private let vocabularySize: Int
  private let memory: WorkMemory
  /// Addresses of each sequence's blocks, those of a group of layers together.
  private let blocks: [[UnsafeMutablePointer<UInt8>]]

  init(
    _ weights: DecoderWeights, type: KVCacheType = .f32, family: KernelFamily? = nil,
    threads: Int = 2, rows: Int = 64, sequences: Int = 1, positions: Int = 640
  ) throws {
    let perSequence = (positions - 1) / KVCacheLayout.positionsPerBlock + 1
    guard let layout = KVCacheLayout(type: type, shape: weights.shape),
      let family = family ?? KernelFamily.available.first,
      let memory = WorkMemory(
        byteCount: layout.blockByteCount * layout.groupCount * perSequence * sequences),
      let forward = DecoderForward(
        weights: weights, cache: layout, family: family, pool: ThreadPool(workerCount: threads),
        maximumRows: rows, contextLength: positions)
    else { throw NoMemory() }
    self.forward = forward
    self.layout = layout
    self.memory = memory
    vocabularySize = weights.shape.vocabularySize
    let first = memory.elements(UInt8.self)
    let count = perSequence * layout.groupCount
    blocks = (0..<sequences).map { sequence in
      (0..<count).map { first + (sequence * count + $0) * layout.blockByteCount }
    }
  }

  /// One step; the logits of the rows that have some, piece after piece.
  ///
  /// Indices of a slice are its tokens' positions: a piece of a text lies where it does in the text.
  func step(_ pieces: [Piece]) throws -> [[Float]] {
    let ids = pieces.flatMap(\.ids)
    var rows: [Int] = []
    var end = 0
    for piece in pieces {
      end += piece.ids.count
      rows += (end - (piece.logitsCount ?? piece.ids.count))..<end
    }
    let lists = pieces.flatMap { blocks[$0.sequence] }
    let count = blocks[0].count
    try ids.withUnsafeBufferPointer { ids in
      try lists.withUnsafeBufferPointer { lists in
        guard let tokens = ids.baseAddress, let list = lists.baseAddress else { return }
        var first = 0
        var segments: [StepSegment] = []
        for (index, piece) in pieces.enumerated() {
          segments.append(
            StepSegment(
              tokens: tokens + first, count: piece.ids.count,
              logitsCount: piece.logitsCount ?? piece.ids.count,
              firstPosition: piece.ids.startIndex, blocks: list + index * count,
              blockStride: count / layout.groupCount))
          first += piece.ids.count
        }
        try forward.run(segments)
      }
    }
    guard !rows.isEmpty else { return [] }
    var logits = [Float](repeating: .nan, count: rows.count * vocabularySize)
    logits.withUnsafeMutableBufferPointer { out in
      if let base = out.baseAddress { forward.logits(ofRows: rows, into: base) }
    }
    return rows.indices.map { Array(logits[$0 * vocabularySize..<($0 + 1) * vocabularySize]) }
  }

  /// The logits of every row of a text, in pieces of `count` tokens.
  func logits(_ ids: [UInt32], pieces count: Int, sequence: Int = 0) throws -> [[Float]] {
    try stride(from: 0, to: ids.count, by: count).flatMap { start in
      try step([Piece(sequence: sequence, ids: ids[start..<min(ids.count, start + count)])])
    }
  }

  /// The bytes of a sequence's first block, all layers and heads.
  func firstBlock(_ sequence: Int = 0) -> [UInt8] {
    Array(UnsafeBufferPointer(start: blocks[sequence][0], count: layout.blockByteCount))
  }
}

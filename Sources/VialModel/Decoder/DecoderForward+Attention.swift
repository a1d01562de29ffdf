// Owns: biases, norms of queries and keys, rotary positions, KV cache writes and attention of a
// layer.
// Must not: own blocks.
// Source: Spec/ARITHMETIC.md, rules 6, 7 and 9 to 11.

import Synchronization
import VialCompute
import VialFormat
import VialSystem

extension DecoderForward {
  /// Stores keys and values of all rows and computes their attention. Few tokens of each sequence
  /// are one phase: whoever stored a segment's keys of a KV head is the one who reads them. In the
  /// last layer only rows whose logits are computed attend.
  func attend(layer: Int, segments: [StepSegment], rows: Int, isLast: Bool) {
    let traits = HeadTraits(weights.layers[layer], shape)
    let counts = segments.map { isLast ? $0.logitsCount : $0.count }
    if segments.indices.allSatisfy({
      segments[$0].count <= AttentionScratch.queriesPerItem && counts[$0] == segments[$0].count
    }) {
      attend(layer: layer, segments: segments, counts) { [self] segment, firstRow, kvHead in
        for row in 0..<segment.count {
          cacheKeyAndValue(
            layer: layer, traits, row: firstRow + row, kvHead: kvHead, segment: segment,
            position: segment.firstPosition + row)
        }
      }
    } else {
      cacheKeysAndValues(layer: layer, traits, segments: segments, rows: rows)
      attend(layer: layer, segments: segments, counts) { _, _, _ in }
    }
  }

  /// Adds biases, rotates queries and keys, and stores keys and values of all rows.
  private func cacheKeysAndValues(
    layer: Int, _ traits: HeadTraits, segments: [StepSegment], rows: Int
  ) {
    let heads = shape.kvHeadCount
    compute { [self] worker in
      let mine = portion(rows * heads, worker)
      var first = 0
      for segment in segments {
        let items = mine.clamped(to: first * heads..<(first + segment.count) * heads)
        for item in items {
          cacheKeyAndValue(
            layer: layer, traits, row: item / heads, kvHead: item % heads, segment: segment,
            position: segment.firstPosition + item / heads - first)
        }
        first += segment.count
      }
    }
  }

  private func cacheKeyAndValue(
    layer: Int, _ traits: HeadTraits, row: Int, kvHead: Int, segment: StepSegment,
    position: Int
  ) {
    let dimension = shape.headDimension
    let kernels = kernels
    let key = buffers.key + row * buffers.keyStride + kvHead * dimension
    let value = buffers.value + row * buffers.keyStride + kvHead * dimension
    if let biases = traits.biases {
      kernels.add(biases.key + kvHead * dimension, to: key, count: dimension)
      kernels.add(biases.value + kvHead * dimension, to: value, count: dimension)
    }
    prepareHead(key, norm: traits.keyNorm, traits, row: row)
    for head in kvHead * shape.queriesPerKV..<(kvHead + 1) * shape.queriesPerKV {
      let query = buffers.query + row * buffers.queryStride + head * dimension
      if let biases = traits.biases {
        kernels.add(biases.query + head * dimension, to: query, count: dimension)
      }
      prepareHead(query, norm: traits.queryNorm, traits, row: row)
    }
    let positions = KVCacheLayout.positionsPerBlock
    let block =
      blocks(of: segment, layer: layer)[position / positions]
      + cache.offset(layer: layer, kvHead: kvHead)
    let isFinite = kernels.store(
      cache.type, headDimension: dimension, key: key, value: value,
      position: position % positions, in: block)
    if !isFinite { buffers.cacheNonFiniteFlags[row * shape.kvHeadCount + kvHead] = 1 }
  }

  /// Normalises one head of queries or keys where it has a norm of its own, and rotates it by the
  /// row's position.
  @inline(__always)
  private func prepareHead(
    _ head: UnsafeMutablePointer<Float>, norm: UnsafePointer<Float>?, _ traits: HeadTraits, row: Int
  ) {
    if let norm {
      kernels.normalize(
        head, weights: norm, count: shape.headDimension, epsilon: shape.normEpsilon, into: head)
    }
    guard let table = traits.rotaryTable else { return }
    let count = shape.rotaryPairCount
    let offset = row * buffers.rotaryStride + table * count
    kernels.rotate(
      head, cosines: buffers.cosines + offset, sines: buffers.sines + offset, half: count)
  }

  /// A segment's blocks of the layer's group.
  @inline(__always)
  private func blocks(
    of segment: StepSegment, layer: Int
  ) -> UnsafePointer<UnsafeMutablePointer<UInt8>> {
    segment.blocks + cache.group(ofLayer: layer) * segment.blockStride
  }

  /// Normalises all query heads of a row as one vector, and all key heads. Such architectures have
  /// no biases.
  func normalizeQueriesAndKeys(_ layer: DecoderLayer, rows: Int) {
    guard let queryNorm = layer.queryNorm, let keyNorm = layer.keyNorm else { return }
    compute { [self] worker in
      for row in portion(rows, worker) {
        for (vector, norm) in [
          (buffers.query + row * buffers.queryStride, queryNorm),
          (buffers.key + row * buffers.keyStride, keyNorm),
        ] {
          kernels.normalize(
            vector, weights: norm.base, count: norm.count, epsilon: shape.normEpsilon, into: vector)
        }
      }
    }
  }

  /// Attention of the last `queryCounts` rows of the segments. Work items (segment, KV head, chunk
  /// of queries) are taken as workers get free; `before` runs ahead of each.
  private func attend(
    layer: Int, segments: [StepSegment], _ queryCounts: [Int],
    before: (_ segment: StepSegment, _ firstRow: Int, _ kvHead: Int) -> Void
  ) {
    nextItem.store(0, ordering: .relaxed)
    let chunk = AttentionScratch.queriesPerItem
    let counts = queryCounts.map { ($0 + chunk - 1) / chunk * shape.kvHeadCount }
    computeTaken { [self] worker in
      var (segment, firstItem, firstRow) = (0, 0, 0)
      while true {
        let item = nextItem.add(1, ordering: .relaxed).oldValue
        while segment < segments.count, item >= firstItem + counts[segment] {
          firstItem += counts[segment]
          firstRow += segments[segment].count
          segment += 1
        }
        guard segment < segments.count else { return }
        // The longest chunks first, so that the last items are short ones.
        let chunks = counts[segment] / shape.kvHeadCount
        let index = chunks - 1 - (item - firstItem) / shape.kvHeadCount
        let kvHead = (item - firstItem) % shape.kvHeadCount
        before(segments[segment], firstRow, kvHead)
        // Workers take turns, more or less.
        let next = firstBlock(
          layer: layer, ofItem: item - firstItem + pool.activeCount,
          segments[segment...], counts[segment...])
        attend(
          layer: layer, kvHead: kvHead, segment: segments[segment],
          firstRow: firstRow, first: segments[segment].count - queryCounts[segment] + index * chunk,
          next: next, worker: worker)
      }
    }
  }

  /// What a work item reads first, and how many positions that block has; nil behind the last item.
  /// Items are counted from the first one of `segments`, which have `counts` each.
  private func firstBlock(
    layer: Int, ofItem item: Int, _ segments: ArraySlice<StepSegment>, _ counts: ArraySlice<Int>
  ) -> (base: UnsafePointer<UInt8>, positionCount: Int)? {
    var item = item
    for (segment, count) in zip(segments, counts) {
      guard item >= count else {
        let offset = cache.offset(layer: layer, kvHead: item % shape.kvHeadCount)
        // The item's first query, or one a few before it.
        let behind = (item / shape.kvHeadCount + 1) * AttentionScratch.queriesPerItem
        let block = firstBlock(
          layer: layer, position: segment.firstPosition + max(0, segment.count - behind))
        let positions = segment.firstPosition + segment.count - block * KVBlock.positionCount
        return (
          UnsafePointer(blocks(of: segment, layer: layer)[block] + offset),
          min(positions, KVBlock.positionCount)
        )
      }
      item -= count
    }
    return nil
  }

  /// The first block that the token of a position sees in a layer.
  @inline(__always)
  private func firstBlock(layer: Int, position: Int) -> Int {
    let window = shape.windows[layer]
    return window == 0 ? 0 : max(0, position + 1 - window) / KVCacheLayout.positionsPerBlock
  }

  /// Attention of up to `queriesPerItem` tokens of one segment for the query heads of one KV head.
  /// Meanwhile the keys of `next` are prefetched.
  private func attend(
    layer: Int, kvHead: Int, segment: StepSegment, firstRow: Int, first: Int,
    next: (base: UnsafePointer<UInt8>, positionCount: Int)?, worker: Int
  ) {
    let count = min(AttentionScratch.queriesPerItem, segment.count - first)
    let positions = segment.firstPosition + first + count
    let blockCount =
      (positions + KVCacheLayout.positionsPerBlock - 1) / KVCacheLayout.positionsPerBlock
    let blocks = attentionScratch.blocks(worker)
    let (own, offset) = (
      self.blocks(of: segment, layer: layer), cache.offset(layer: layer, kvHead: kvHead)
    )
    let firstSeen = firstBlock(layer: layer, position: segment.firstPosition + first)
    for index in firstSeen..<blockCount { blocks[index] = UnsafePointer(own[index] + offset) }
    let row = firstRow + first
    let heads = row * buffers.queryStride + kvHead * shape.queriesPerKV * shape.headDimension
    kernels.attend(
      Attention(
        type: cache.type, headDimension: shape.headDimension, headCount: shape.queriesPerKV,
        queryCount: count, blocks: blocks, positionCounts: buffers.positionCounts + row,
        queries: buffers.query + heads, out: buffers.attended + heads, stride: buffers.queryStride,
        scale: shape.attentionScale, softCap: shape.attentionSoftCap, window: shape.windows[layer],
        next: next, scratch: attentionScratch.memory(worker)))
  }
}

/// What a layer does with heads of queries and keys: bare addresses, because counting references
/// for every row costs more than adding.
private struct HeadTraits: @unchecked Sendable {
  let biases: (query: UnsafePointer<Float>, key: UnsafePointer<Float>, value: UnsafePointer<Float>)?
  /// Norms of single heads.
  let queryNorm, keyNorm: UnsafePointer<Float>?
  /// Which cosines and sines heads are rotated by; nil: they are not.
  let rotaryTable: Int?

  init(_ layer: DecoderLayer, _ shape: DecoderShape) {
    let vectors = layer.attentionInput.biases
    biases = vectors.count == 3 ? (vectors[0].base, vectors[1].base, vectors[2].base) : nil
    queryNorm = shape.normalizesWholeRows ? nil : layer.queryNorm?.base
    keyNorm = shape.normalizesWholeRows ? nil : layer.keyNorm?.base
    switch layer.rotary {
    case .none: rotaryTable = nil
    case .first: rotaryTable = 0
    case .second: rotaryTable = 1
    }
  }
}

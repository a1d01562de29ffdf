// Owns: biases, rotary positions, KV cache writes and attention of a layer.
// Must not: own blocks.
// Source: Spec/ARITHMETIC.md, rules 6 and 9 to 11.

import Synchronization
import VialCompute
import VialSystem

extension DecoderForward {
  /// Stores keys and values of all rows and computes their attention. Few tokens of each sequence
  /// are one phase: whoever stored a segment's keys of a KV head is the one who reads them. In the
  /// last layer only rows whose logits are computed attend.
  func attend(layer: Int, segments: [StepSegment], rows: Int, isLast: Bool) {
    let biases = weights.layers[layer].attentionBiases.map(AttentionBiases.init)
    let counts = segments.map { isLast ? $0.logitsCount : $0.count }
    if segments.indices.allSatisfy({
      segments[$0].count <= AttentionScratch.queriesPerItem && counts[$0] == segments[$0].count
    }) {
      attend(layer: layer, segments: segments, counts) { [self] segment, firstRow, kvHead in
        for row in 0..<segment.count {
          cacheKeyAndValue(
            layer: layer, biases, row: firstRow + row, kvHead: kvHead, segment: segment,
            position: segment.firstPosition + row)
        }
      }
    } else {
      cacheKeysAndValues(layer: layer, biases, segments: segments, rows: rows)
      attend(layer: layer, segments: segments, counts) { _, _, _ in }
    }
  }

  /// Adds biases, rotates queries and keys, and stores keys and values of all rows.
  private func cacheKeysAndValues(
    layer: Int, _ biases: AttentionBiases?, segments: [StepSegment], rows: Int
  ) {
    let heads = shape.kvHeadCount
    compute { [self] worker in
      let mine = portion(rows * heads, worker)
      var first = 0
      for segment in segments {
        let items = mine.clamped(to: first * heads..<(first + segment.count) * heads)
        for item in items {
          cacheKeyAndValue(
            layer: layer, biases, row: item / heads, kvHead: item % heads, segment: segment,
            position: segment.firstPosition + item / heads - first)
        }
        first += segment.count
      }
    }
  }

  private func cacheKeyAndValue(
    layer: Int, _ biases: AttentionBiases?, row: Int, kvHead: Int, segment: StepSegment,
    position: Int
  ) {
    let dimension = shape.headDimension
    let half = dimension / 2
    let kernels = kernels
    let key = buffers.key + row * buffers.keyStride + kvHead * dimension
    let value = buffers.value + row * buffers.keyStride + kvHead * dimension
    let (cosines, sines) = (buffers.cosines + row * half, buffers.sines + row * half)
    if let biases {
      kernels.add(biases.key + kvHead * dimension, to: key, count: dimension)
      kernels.add(biases.value + kvHead * dimension, to: value, count: dimension)
    }
    kernels.rotate(key, cosines: cosines, sines: sines, half: half)
    for head in kvHead * shape.queriesPerKV..<(kvHead + 1) * shape.queriesPerKV {
      let query = buffers.query + row * buffers.queryStride + head * dimension
      if let biases { kernels.add(biases.query + head * dimension, to: query, count: dimension) }
      kernels.rotate(query, cosines: cosines, sines: sines, half: half)
    }
    let positions = KVCacheLayout.positionsPerBlock
    let block = segment.blocks[position / positions] + cache.offset(layer: layer, kvHead: kvHead)
    let isFinite = kernels.store(
      cache.type, headDimension: dimension, key: key, value: value,
      position: position % positions, in: block)
    if !isFinite { buffers.cacheNonFiniteFlags[row * shape.kvHeadCount + kvHead] = 1 }
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
        let positions = segment.firstPosition + segment.count
        return (
          UnsafePointer(segment.blocks[0] + offset),
          min(positions, KVCacheLayout.positionsPerBlock)
        )
      }
      item -= count
    }
    return nil
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
    let offset = cache.offset(layer: layer, kvHead: kvHead)
    for index in 0..<blockCount { blocks[index] = UnsafePointer(segment.blocks[index] + offset) }
    let row = firstRow + first
    let heads = row * buffers.queryStride + kvHead * shape.queriesPerKV * shape.headDimension
    kernels.attend(
      Attention(
        type: cache.type, headDimension: shape.headDimension, headCount: shape.queriesPerKV,
        queryCount: count, blocks: blocks, positionCounts: buffers.positionCounts + row,
        queries: buffers.query + heads, out: buffers.attended + heads, stride: buffers.queryStride,
        next: next, scratch: attentionScratch.memory(worker)))
  }
}

/// Where the biases of a layer lie: bare addresses, because counting references for every row costs
/// more than adding.
private struct AttentionBiases: @unchecked Sendable {
  let query, key, value: UnsafePointer<Float>

  init(_ biases: (query: WeightVector, key: WeightVector, value: WeightVector)) {
    query = biases.query.base
    key = biases.key.base
    value = biases.value.base
  }
}

// Owns: the activations of a step: one allocation, cut into rows of tokens.
// Must not: grow after it was made. Rows are tokens, strides (`RowStride`) are in floats.

import VialCompute
import VialSystem

/// Working memory of the forward pass for up to `maximumRows` tokens.
final class DecoderBuffers: @unchecked Sendable {
  /// From one row to the next of `hidden`, `normed` and `projected`.
  let hiddenStride: Int
  /// The same of `query` and `attended`.
  let queryStride: Int
  /// The same of `key` and `value`.
  let keyStride: Int
  /// The same of `gate` and `up`.
  let feedForwardStride: Int
  let hidden: UnsafeMutablePointer<Float>
  let normed: UnsafeMutablePointer<Float>
  let query: UnsafeMutablePointer<Float>
  let key: UnsafeMutablePointer<Float>
  let value: UnsafeMutablePointer<Float>
  let attended: UnsafeMutablePointer<Float>
  let gate: UnsafeMutablePointer<Float>
  let up: UnsafeMutablePointer<Float>
  let projected: UnsafeMutablePointer<Float>
  /// From one row to the next of `cosines` and `sines`.
  let rotaryStride: Int
  /// `[row][pair]`, where there are second frequencies `[row][table][pair]`.
  let cosines: UnsafeMutablePointer<Float>
  let sines: UnsafeMutablePointer<Float>
  /// `[row]`: a quantised activation was not finite.
  let nonFiniteFlags: UnsafeMutablePointer<UInt8>
  /// The same for rows whose logits are computed, in their order.
  let headNonFiniteFlags: UnsafeMutablePointer<UInt8>
  /// `[row][kv head]`: a key or value was not finite.
  let cacheNonFiniteFlags: UnsafeMutablePointer<UInt8>
  /// `[row]`: the token to embed.
  let tokens: UnsafeMutablePointer<UInt32>
  /// `[row]`: positions the token sees, its own included.
  let positionCounts: UnsafeMutablePointer<UInt32>
  private let memory: WorkMemory
  /// Where the rows of each of these begin, and bytes of one, which may be less than a stride.
  private let areas: [(offset: Int, rowByteCount: Int)]

  init?(shape: DecoderShape, maximumRows: Int, source: MemorySource?) {
    let half = shape.rotaryPairCount * (shape.hasSecondRotary ? 2 : 1)
    guard let hiddenStride = RowStride.floats(width: shape.hiddenSize),
      let queryStride = RowStride.floats(width: shape.queryWidth),
      let keyStride = RowStride.floats(width: shape.keyWidth),
      let feedForwardStride = RowStride.floats(width: shape.feedForwardSize)
    else { return nil }
    let widths = [
      hiddenStride, hiddenStride, queryStride, keyStride, keyStride, queryStride,
      feedForwardStride, feedForwardStride, hiddenStride, half, half, 1, 1, shape.kvHeadCount, 1, 1,
    ]
    var offsets: [Int] = []
    var total = 0
    for width in widths {
      offsets.append(total)
      let (floats, first) = width.multipliedReportingOverflow(by: maximumRows)
      let (bytes, second) = floats.multipliedReportingOverflow(by: 4)
      let (sum, third) = total.addingReportingOverflow(bytes)
      guard !first, !second, !third, sum < Int.max - CacheLine.byteCount else { return nil }
      total = CacheLine.roundUp(sum)
    }
    guard let memory = WorkMemory(byteCount: total, source: source) else { return nil }
    self.memory = memory
    areas = zip(offsets, widths).map { ($0, $1 * 4) }
    self.hiddenStride = hiddenStride
    rotaryStride = half
    self.queryStride = queryStride
    self.keyStride = keyStride
    self.feedForwardStride = feedForwardStride
    func floats(_ index: Int) -> UnsafeMutablePointer<Float> {
      (memory.base + offsets[index]).assumingMemoryBound(to: Float.self)
    }
    hidden = floats(0)
    normed = floats(1)
    query = floats(2)
    key = floats(3)
    value = floats(4)
    attended = floats(5)
    gate = floats(6)
    up = floats(7)
    projected = floats(8)
    cosines = floats(9)
    sines = floats(10)
    nonFiniteFlags = (memory.base + offsets[11]).assumingMemoryBound(to: UInt8.self)
    headNonFiniteFlags = (memory.base + offsets[12]).assumingMemoryBound(to: UInt8.self)
    cacheNonFiniteFlags = (memory.base + offsets[13]).assumingMemoryBound(to: UInt8.self)
    tokens = (memory.base + offsets[14]).assumingMemoryBound(to: UInt32.self)
    positionCounts = (memory.base + offsets[15]).assumingMemoryBound(to: UInt32.self)
  }

  /// Wipes some of the first `rows` rows of everything: one of `portionCount` equal portions.
  func wipe(rows: Int, portion: Int, of portionCount: Int) {
    for area in areas {
      let own = WorkPortion.range(of: rows * area.rowByteCount, worker: portion, of: portionCount)
      memory.wipe(from: area.offset + own.lowerBound, byteCount: own.count)
    }
  }
}

// Owns: the matrix products of the forward pass, and the division of their tiles among workers.
// Must not: know attention, or how inputs are prepared.

import VialArchitectures
import VialCompute
import VialSystem

extension DecoderForward {
  /// One phase: hands out pieces of `tileCount` tiles of `tileByteCount` bytes until none is left.
  ///
  /// Workers take pieces, so that a slow one is not waited for; each streams its own range of the
  /// file as long as it can. Whoever is done prefetches the beginning of its portion of the `next`
  /// projection, so that the memory stays busy.
  func computeTiles(
    _ input: ActivationSource, tileCount: Int, next: Projection?,
    _ body: (_ tiles: Range<Int>, QuantizedActivations, _ worker: Int) -> Void
  ) {
    let piece = max(1, Self.pieceByteCount / max(1, input.projection.tileByteCount * 2)) * 2
    // With few rows a worker takes half of its remaining tiles at a time, so that it streams
    // weights without interruption. With many rows it takes small pieces, so that outputs are still
    // in L2 when they are used.
    let divisor = input.rows <= 2 * WorkerActivations.maximumRows ? 2 : Int.max
    let activeCount = pool.activeCount
    queue.fill(tileCount, grain: Self.tileGrain, activeCount: activeCount)
    computeTaken { [self] worker in
      let prepared = take(input, worker: worker)
      while let tiles = queue.take(worker, grain: piece, divisor: divisor) {
        body(tiles, prepared, worker)
      }
      if let next { prefetchPortion(of: next, worker, of: activeCount) }
    }
  }

  /// Least bytes of weights that a worker takes at a time: a few microseconds of memory bandwidth.
  private static let pieceByteCount = 48 << 10
  /// Portions begin at even tiles and pieces are pairs of tiles, for fewer accesses to the queue.
  /// Kernels take any number.
  private static let tileGrain = 2
  /// Bytes that a worker prefetches of its next portion, and of a tile that it multiplies next.
  private static let portionPrefetchByteCount = 16 << 10
  private static let tilePrefetchByteCount = 4 << 10

  /// Prefetches what a worker will read first. Matrices of one input are one row of tiles, or (gate
  /// and up) side by side.
  private func prefetchPortion(of projection: Projection, _ worker: Int, of activeCount: Int) {
    var tile = WorkPortion.range(
      of: projection.isGated ? projection.matrices[0].tileCount : projection.tileCount,
      worker: worker, of: activeCount, grain: Self.tileGrain
    ).lowerBound
    for matrix in projection.matrices {
      if tile < matrix.tileCount {
        matrix.prefetch(tile: tile, byteCount: Self.portionPrefetchByteCount)
        return
      }
      tile -= matrix.tileCount
    }
  }

  /// Multiplies some tiles of one matrix with all rows of its prepared input.
  func multiply(
    _ matrix: WeightMatrix, tiles: Range<Int>, with input: QuantizedActivations,
    out: UnsafeMutablePointer<Float>, stride: Int
  ) {
    guard matrix.isQuantized else {
      kernels.multiply(
        matrix, tiles: tiles, withRows: input.floats, rowStride: input.stride, count: input.rows,
        out: out, stride: stride)
      return
    }
    guard let panels = input[matrix.group] else { return }
    kernels.multiply(matrix, tiles: tiles, with: panels, out: out, stride: stride)
  }

  /// All matrices of a projection, one after another; `outputs` names destination and row stride of
  /// each.
  func project(
    _ input: ActivationSource, next: Projection? = nil,
    outputs: [(base: UnsafeMutablePointer<Float>, stride: Int)]
  ) {
    let projection = input.projection
    computeTiles(input, tileCount: projection.tileCount, next: next) {
      [self] piece, prepared, worker in
      var first = 0
      for (index, matrix) in projection.matrices.enumerated() {
        let tiles = piece.clamped(to: first..<first + matrix.tileCount)
        if !tiles.isEmpty {
          let own = tiles.lowerBound - first..<tiles.upperBound - first
          let (out, stride) = outputs[index]
          multiply(matrix, tiles: own, with: prepared, out: out, stride: stride)
          applyAdapters(matrix: index, tiles: own, out: out, stride: stride, worker: worker)
        }
        first += matrix.tileCount
      }
    }
  }

  /// Query, key and value projections.
  func projectAttentionInput(_ input: ActivationSource, next: Projection) {
    project(
      input, next: next,
      outputs: [
        (buffers.query, buffers.queryStride), (buffers.key, buffers.keyStride),
        (buffers.value, buffers.keyStride),
      ])
  }

  /// `hidden += multiplier * projection(input)`: whoever computes outputs adds them, but where they
  /// are normalised first, for which all of a row must be there.
  func projectResidual(_ input: ActivationSource, norm: WeightVector?, next: Projection) {
    let stride = buffers.hiddenStride
    let matrix = input.projection.matrices[0]
    let bias = input.projection.biases.first?.base
    let (hidden, projected, kernels) = (buffers.hidden, buffers.projected, kernels)
    let multiplier = shape.residualMultiplier
    computeTiles(input, tileCount: matrix.tileCount, next: next) { [self] tiles, prepared, worker in
      multiply(matrix, tiles: tiles, with: prepared, out: projected, stride: stride)
      applyAdapters(matrix: 0, tiles: tiles, out: projected, stride: stride, worker: worker)
      let outputs = matrix.rows(of: tiles)
      for row in 0..<input.rows {
        let offset = row * stride + outputs.lowerBound
        if let bias {
          kernels.add(bias + outputs.lowerBound, to: projected + offset, count: outputs.count)
        }
        guard norm == nil else { continue }
        if multiplier == 1 {
          kernels.add(projected + offset, to: hidden + offset, count: outputs.count)
        } else {
          kernels.add(
            projected + offset, scale: multiplier, to: hidden + offset, count: outputs.count)
        }
      }
    }
    if let norm { addNormalized(norm, rows: input.rows) }
  }

  /// `hidden += multiplier * norm(projected)`.
  private func addNormalized(_ norm: WeightVector, rows: Int) {
    compute { [self] worker in
      for row in portion(rows, worker) {
        let added = buffers.projected + row * buffers.hiddenStride
        kernels.normalize(
          added, weights: norm.base, count: shape.hiddenSize, epsilon: shape.normEpsilon,
          into: added)
        kernels.add(
          added, scale: shape.residualMultiplier, to: buffers.hidden + row * buffers.hiddenStride,
          count: shape.hiddenSize)
      }
    }
  }

  /// `gate = activation(gate projection) * up projection`: whoever computes outputs of one computes
  /// them of both, while they are in the caches.
  func projectGated(_ input: ActivationSource, next: Projection) {
    let stride = buffers.feedForwardStride
    let (gate, up) = (input.projection.matrices[0], input.projection.matrices[1])
    let (gated, raised, kernels) = (buffers.gate, buffers.up, kernels)
    let biases = input.projection.biases
    let (gateBias, upBias) = (biases.first?.base, biases.last?.base)
    let activation = shape.activation
    computeTiles(input, tileCount: gate.tileCount, next: next) { [self] tiles, prepared, worker in
      prefetch(up, tile: tiles.lowerBound)
      multiply(gate, tiles: tiles, with: prepared, out: gated, stride: stride)
      prefetch(gate, tile: tiles.upperBound)
      multiply(up, tiles: tiles, with: prepared, out: raised, stride: stride)
      applyAdapters(matrix: 0, tiles: tiles, out: gated, stride: stride, worker: worker)
      applyAdapters(matrix: 1, tiles: tiles, out: raised, stride: stride, worker: worker)
      let outputs = gate.rows(of: tiles)
      for row in 0..<input.rows {
        let offset = row * stride + outputs.lowerBound
        if let gateBias, let upBias {
          kernels.add(gateBias + outputs.lowerBound, to: gated + offset, count: outputs.count)
          kernels.add(upBias + outputs.lowerBound, to: raised + offset, count: outputs.count)
        }
        switch activation {
        case .silu: kernels.gate(gated + offset, with: raised + offset, count: outputs.count)
        case .tanhGELU:
          kernels.gateGELU(gated + offset, with: raised + offset, count: outputs.count)
        }
      }
    }
  }

  /// Prefetches the first bytes of a tile that is read soon; nothing at the end of the matrix.
  private func prefetch(_ matrix: WeightMatrix, tile: Int) {
    guard tile < matrix.tileCount else { return }
    matrix.prefetch(tile: tile, byteCount: Self.tilePrefetchByteCount)
  }
}

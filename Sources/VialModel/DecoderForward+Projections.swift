// Owns: the matrix products of the forward pass: preparing their input (RMSNorm, quantisation) and
// sharing their tiles. Must not: know attention.

import VialCompute
import VialKernels

extension DecoderForward {
  /// Normalises (when `norm` is given, into `normed`) and quantises the input of a projection.
  ///
  /// A unit of work is one panel of columns, so a worker quantises exactly what it normalised.
  func prepare(
    _ projection: Projection, from input: UnsafeMutablePointer<Float>, rows: Int,
    norm: WeightVector?, marks: UnsafeMutablePointer<UInt8>? = nil
  ) {
    guard norm != nil || !projection.groups.isEmpty else { return }
    let depth = projection.matrices[0].columns
    let views = projection.groups.compactMap {
      panels[$0]?.view(columns: rows, depth: depth, group: $0)
    }
    let width = views.first.map { Int($0.width) } ?? 1
    let source = norm == nil ? input : buffers.normed
    compute { [self] worker in
      for unit in share((rows + width - 1) / width, worker) {
        if let norm {
          for row in unit * width..<min(rows, (unit + 1) * width) {
            kernels.pointee.rms_norm(
              input + row * depth, norm.base, depth, shape.normEpsilon,
              buffers.normed + row * depth)
          }
        }
        for view in views {
          withUnsafePointer(to: view) {
            kernels.pointee.quantize(
              source, depth, $0, UInt32(unit), UInt32(unit + 1), marks ?? buffers.marks)
          }
        }
      }
    }
  }

  /// Multiplies this worker's tiles of a projection; `output` names destination and row stride of the
  /// matrix with a given index. `then` runs after each matrix with its finished range of outputs.
  func multiply(
    _ projection: Projection, from input: UnsafeMutablePointer<Float>, rows: Int, worker: Int,
    output: (Int) -> (UnsafeMutablePointer<Float>, Int)
  ) {
    let mine = share(projection.tileCount, worker)
    var first = 0
    for (index, matrix) in projection.matrices.enumerated() {
      let tiles = mine.clamped(to: first..<first + matrix.tileCount)
      if !tiles.isEmpty {
        let (out, stride) = output(index)
        multiply(
          matrix, tiles: tiles.lowerBound - first..<tiles.upperBound - first, from: input,
          rows: rows, out: out, stride: stride)
        applyAdapters(
          matrix: index, tiles: tiles.lowerBound - first..<tiles.upperBound - first, out: out,
          stride: stride, worker: worker)
      }
      first += matrix.tileCount
    }
  }

  /// Multiplies some tiles of one matrix with all rows of its prepared input.
  func multiply(
    _ matrix: WeightMatrix, tiles: Range<Int>, from input: UnsafeMutablePointer<Float>, rows: Int,
    out: UnsafeMutablePointer<Float>, stride: Int
  ) {
    let (begin, end) = (UInt32(tiles.lowerBound), UInt32(tiles.upperBound))
    withUnsafePointer(to: matrix.view) { view in
      guard matrix.isQuantized else {
        kernels.pointee.matmul_float(
          view, input, matrix.columns, UInt32(rows), begin, end, out, stride)
        return
      }
      guard
        let panels = panels[matrix.view.group]?.view(
          columns: rows, depth: matrix.columns, group: matrix.view.group)
      else { return }
      withUnsafePointer(to: panels) {
        kernels.pointee.matmul_quantized(view, $0, begin, end, out, stride)
      }
    }
  }

  /// Query, key and value projections.
  func projectAttentionInput(_ layer: DecoderLayer, rows: Int) {
    let outputs = [
      (buffers.query, shape.queryWidth), (buffers.key, shape.keyWidth),
      (buffers.value, shape.keyWidth),
    ]
    compute { [self] worker in
      multiply(layer.attentionInput, from: buffers.normed, rows: rows, worker: worker) {
        outputs[$0]
      }
    }
  }

  /// `hidden += projection(input)`: each worker adds the outputs that it computed.
  func projectResidual(
    _ projection: Projection, from input: UnsafeMutablePointer<Float>, rows: Int
  ) {
    let width = shape.hiddenSize
    let matrix = projection.matrices[0]
    compute { [self] worker in
      let tiles = share(matrix.tileCount, worker)
      guard !tiles.isEmpty else { return }
      multiply(
        matrix, tiles: tiles, from: input, rows: rows, out: buffers.projected, stride: width)
      applyAdapters(
        matrix: 0, tiles: tiles, out: buffers.projected, stride: width, worker: worker)
      let outputs = tiles.lowerBound * 16..<min(width, tiles.upperBound * 16)
      for row in 0..<rows {
        let offset = row * width + outputs.lowerBound
        kernels.pointee.add(buffers.hidden + offset, buffers.projected + offset, outputs.count)
      }
    }
  }

  /// `gate = silu(gate projection) * up projection`: a worker computes the same outputs of both.
  func projectGated(_ projection: Projection, rows: Int) {
    let width = shape.feedForwardSize
    let (gate, up) = (projection.matrices[0], projection.matrices[1])
    compute { [self] worker in
      let tiles = share(gate.tileCount, worker)
      guard !tiles.isEmpty else { return }
      multiply(
        gate, tiles: tiles, from: buffers.normed, rows: rows, out: buffers.gate, stride: width)
      multiply(up, tiles: tiles, from: buffers.normed, rows: rows, out: buffers.up, stride: width)
      applyAdapters(matrix: 0, tiles: tiles, out: buffers.gate, stride: width, worker: worker)
      applyAdapters(matrix: 1, tiles: tiles, out: buffers.up, stride: width, worker: worker)
      let outputs = tiles.lowerBound * 16..<min(width, tiles.upperBound * 16)
      for row in 0..<rows {
        let offset = row * width + outputs.lowerBound
        kernels.pointee.silu_multiply(
          buffers.gate + offset, buffers.up + offset, outputs.count, buffers.gate + offset)
      }
    }
  }
}

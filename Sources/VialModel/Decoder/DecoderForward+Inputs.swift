// Owns: preparing what projections multiply: RMSNorm and quantisation of rows.
// Must not: multiply. Spec/ARITHMETIC.md, rules 3 and 7.

import VialCompute

extension DecoderForward {
  /// Names the input of a projection, normalised when `norm` is given, and prepares it when all workers share it, or
  /// when adapters that were activated read it.
  func prepare(
    _ projection: Projection, from source: UnsafeMutablePointer<Float>, stride: Int, rows: Int,
    norm: WeightVector?, marks: UnsafeMutablePointer<UInt8>? = nil
  ) -> ProjectionInput {
    // A·x needs normalised rows before the product's phase.
    let isAdapted = !activeAdapters.parts.isEmpty
    let input = ProjectionInput(
      projection: projection, source: source, stride: stride, rows: rows, norm: norm,
      marks: marks ?? buffers.marks,
      isPrivate: rows <= PrivateInput.maximumRows && !isAdapted)
    if !input.isPrivate, norm != nil || !projection.groups.isEmpty { prepareShared(input) }
    if isAdapted {
      multiplyByA(
        norm == nil ? source : buffers.normed, stride: norm == nil ? stride : buffers.hiddenStride)
    }
    return input
  }

  /// The input as worker `worker` multiplies it; a private one is prepared here.
  func take(_ input: ProjectionInput, worker: Int) -> PreparedInput {
    let room = privateInputs[worker]
    var prepared = PreparedInput(
      floats: input.norm == nil ? input.source : input.isPrivate ? room.normed : buffers.normed,
      stride: input.norm == nil ? input.stride : buffers.hiddenStride, rows: input.rows)
    let zeroSums = kernels.wantsZeroSums && input.projection.hasZeroPoints
    for group in input.projection.groups {
      prepared[group] = (input.isPrivate ? room.panels : panels)[group]?.view(
        columns: input.rows, depth: input.depth, zeroSums: zeroSums)
    }
    guard input.isPrivate else { return prepared }
    normalize(input, rows: 0..<input.rows, into: prepared)
    for group in input.projection.groups {
      quantize(
        prepared, group: group, depth: input.depth, panels: 0..<1,
        marks: worker == 0 ? input.marks : room.marks)
    }
    return prepared
  }

  /// A phase in which a unit of work is one panel of columns, so a worker quantises exactly what it normalised.
  private func prepareShared(_ input: ProjectionInput) {
    compute { [self] worker in
      let prepared = take(input, worker: worker)
      let width = PrivateInput.maximumRows
      for panel in share((input.rows + width - 1) / width, worker) {
        normalize(
          input, rows: panel * width..<min(input.rows, (panel + 1) * width), into: prepared)
        for group in input.projection.groups {
          quantize(
            prepared, group: group, depth: input.depth, panels: panel..<panel + 1,
            marks: input.marks)
        }
      }
    }
  }

  private func normalize(
    _ input: ProjectionInput, rows: Range<Int>, into normed: PreparedInput
  ) {
    guard let norm = input.norm else { return }
    for row in rows {
      kernels.normalize(
        input.source + row * input.stride, weights: norm.base, count: input.depth,
        epsilon: shape.normEpsilon, into: normed.floats + row * normed.stride)
    }
  }

  private func quantize(
    _ prepared: PreparedInput, group: UInt32, depth: Int, panels: Range<Int>,
    marks: UnsafeMutablePointer<UInt8>
  ) {
    guard let view = prepared[group] else { return }
    kernels.quantize(
      prepared.floats, stride: prepared.stride, into: view, panels: panels, nonFiniteFlags: marks)
  }
}

// Owns: preparing what projections multiply: RMSNorm and quantisation of rows.
// Must not: multiply.
// Source: Spec/ARITHMETIC.md, rules 3 and 7.

import VialCompute

extension DecoderForward {
  /// Names the input of a projection, normalised when `norm` is given, and prepares it for all
  /// workers together, unless each prepares its own; active adapters need it prepared.
  func prepare(
    _ projection: Projection, from source: UnsafeMutablePointer<Float>, stride: Int, rows: Int,
    norm: WeightVector?, nonFiniteFlags: UnsafeMutablePointer<UInt8>? = nil
  ) -> ActivationSource {
    // A·x needs normalised rows before the product's phase.
    let isAdapted = !activeAdapters.parts.isEmpty
    let input = ActivationSource(
      projection: projection, floats: source, stride: stride, rows: rows, norm: norm,
      nonFiniteFlags: nonFiniteFlags ?? buffers.nonFiniteFlags,
      isPerWorker: rows <= WorkerActivations.maximumRows && !isAdapted)
    if !input.isPerWorker, norm != nil || !projection.groups.isEmpty { prepareShared(input) }
    if isAdapted {
      multiplyByA(
        norm == nil ? source : buffers.normed, stride: norm == nil ? stride : buffers.hiddenStride)
    }
    return input
  }

  /// The input as worker `worker` multiplies it; its own activations are prepared here.
  func take(_ input: ActivationSource, worker: Int) -> QuantizedActivations {
    let own = workerActivations[worker]
    var prepared = QuantizedActivations(
      floats: input.norm == nil ? input.floats : input.isPerWorker ? own.normed : buffers.normed,
      stride: input.norm == nil ? input.stride : buffers.hiddenStride, rows: input.rows)
    let zeroSums = kernels.wantsZeroSums && input.projection.hasZeroPoints
    for group in input.projection.groups {
      prepared[group] = (input.isPerWorker ? own.panels : panels)[group]?.view(
        tokens: input.rows, depth: input.depth, zeroSums: zeroSums)
    }
    guard input.isPerWorker else { return prepared }
    normalize(input, rows: 0..<input.rows, into: prepared)
    for group in input.projection.groups {
      quantize(
        prepared, group: group, depth: input.depth, panels: 0..<1,
        nonFiniteFlags: worker == 0 ? input.nonFiniteFlags : own.nonFiniteFlags)
    }
    return prepared
  }

  /// A phase in which a unit of work is one panel of tokens, so that a worker quantises what it
  /// normalised.
  private func prepareShared(_ input: ActivationSource) {
    compute { [self] worker in
      let prepared = take(input, worker: worker)
      let width = WorkerActivations.maximumRows
      for panel in portion((input.rows + width - 1) / width, worker) {
        normalize(
          input, rows: panel * width..<min(input.rows, (panel + 1) * width), into: prepared)
        for group in input.projection.groups {
          quantize(
            prepared, group: group, depth: input.depth, panels: panel..<panel + 1,
            nonFiniteFlags: input.nonFiniteFlags)
        }
      }
    }
  }

  private func normalize(
    _ input: ActivationSource, rows: Range<Int>, into normed: QuantizedActivations
  ) {
    guard let norm = input.norm else { return }
    for row in rows {
      kernels.normalize(
        input.floats + row * input.stride, weights: norm.base, count: input.depth,
        epsilon: shape.normEpsilon, into: normed.floats + row * normed.stride)
    }
  }

  private func quantize(
    _ prepared: QuantizedActivations, group: UInt32, depth: Int, panels: Range<Int>,
    nonFiniteFlags: UnsafeMutablePointer<UInt8>
  ) {
    guard let view = prepared[group] else { return }
    kernels.quantize(
      prepared.floats, stride: prepared.stride, into: view, panels: panels,
      nonFiniteFlags: nonFiniteFlags)
  }
}

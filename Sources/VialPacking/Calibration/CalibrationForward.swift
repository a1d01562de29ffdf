// Owns: the layer's arithmetic in f32 over plain weights: norms, attention, the gate.
// Must not: keep weights or know about quantisation.
// It follows Spec/ARITHMETIC.md but for its activations, which are not quantised.

import CVialCalibration
import CVialKernels
import VialArchitectures
import VialFormat
import VialSystem

/// Computes parts of a layer for whole windows of tokens.
final class CalibrationForward: @unchecked Sendable {
  /// Queries that share a pass over the keys.
  private static let queriesPerCall = 16

  let configuration: CheckpointConfiguration
  let compute: DenseCompute
  let tokensPerWindow: Int
  private let kernels: vial_kernels
  /// By the first and by the second inverse frequencies.
  private let first, second: RotaryRows
  private let attentionScale, attentionSoftCap: Float
  private let positionCounts: [UInt32]
  private let scratches: [WorkMemory]
  private let blockByteCount: Int

  init(
    _ configuration: CheckpointConfiguration, tokensPerWindow: Int, compute: DenseCompute
  ) throws(PackingError) {
    self.configuration = configuration
    self.compute = compute
    self.tokensPerWindow = tokensPerWindow
    let dimension = configuration.headDimension
    let traits = configuration.layerTraits
    first = RotaryRows(
      Self.frequencies(configuration, traits, tokensPerWindow),
      magnitude: Float(traits.ropeMagnitude), count: tokensPerWindow)
    second = RotaryRows(
      traits.secondInverseFrequencies ?? [], magnitude: 1, count: tokensPerWindow)
    attentionScale = Float(traits.attentionScale ?? 0)
    attentionSoftCap = Float(traits.attentionSoftCap ?? 0)
    positionCounts = (0..<tokensPerWindow).map { UInt32($0 + 1) }
    blockByteCount = vial_kv_block_byte_count(VIAL_KV_F32, UInt32(dimension))
    let scratch = vial_attention_scratch_byte_count(
      UInt32(dimension), UInt32(configuration.headCount / configuration.kvHeadCount),
      UInt32(Self.queriesPerCall))
    let blocks = (tokensPerWindow + 63) / 64
    guard let table = vial_kernels_find(nil) else {
      throw PackingError("this processor has no kernels")
    }
    kernels = table.pointee
    var scratches: [WorkMemory] = []
    for _ in 0..<compute.pool.workerCount {
      guard scratch > 0, let memory = WorkMemory(byteCount: blocks * blockByteCount + scratch + 64)
      else { throw PackingError("not enough memory for calibration") }
      scratches.append(memory)
    }
    self.scratches = scratches
  }

  /// The first inverse frequencies, or those of long texts.
  private static func frequencies(
    _ configuration: CheckpointConfiguration, _ traits: LayerTraits, _ count: Int
  ) -> [Float] {
    guard let long = traits.longRope, count > long.above else {
      return configuration.inverseFrequencies
    }
    return long.inverseFrequencies
  }

  /// out = x · Wᵀ (+ bias).
  func project(_ x: DenseView, _ weights: DenseView, bias: [Float]? = nil, into out: DenseView) {
    compute.multiply(x, weights.transposed, into: out)
    guard let bias else { return }
    compute.each(out.rows) { [kernels] row, _ in kernels.add(out[row], bias, bias.count) }
  }

  /// y += x · Wᵀ.
  func addProjection(_ x: DenseView, _ weights: DenseView, to y: DenseView) {
    compute.multiply(x, weights.transposed, into: y, adds: true)
  }

  /// y += multiplier · norm(x · Wᵀ + bias): what a part of the layer adds to the residual stream.
  func addPart(
    _ x: DenseView, _ weights: DenseView, bias: [Float]?, norm: [Float]?, to y: DenseView,
    workspace: DenseMatrix
  ) {
    let multiplier = Float(configuration.traits.residualMultiplier)
    guard bias != nil || norm != nil || multiplier != 1 else {
      return addProjection(x, weights, to: y)
    }
    let added = workspace.view(rows: x.rows, columns: y.columns)
    project(x, weights, bias: bias, into: added)
    if let norm { normalize(added, norm, into: added) }
    compute.each(y.rows) { [kernels] row, _ in
      kernels.scaled_add(y[row], added[row], multiplier, y.columns)
    }
  }

  /// RMSNorm of every row; a copy without weights.
  func normalize(_ x: DenseView, _ weight: [Float]?, into out: DenseView) {
    let epsilon = Float(configuration.normEpsilon)
    compute.each(x.rows) { [kernels] row, _ in
      if let weight {
        kernels.rms_norm(x[row], weight, x.columns, epsilon, out[row])
      } else {
        out[row].update(from: x[row], count: x.columns)
      }
    }
  }

  /// gate = activation(gate) · up.
  func gate(_ gate: DenseView, _ up: DenseView) {
    let multiply =
      switch configuration.architecture.traits.activation {
      case .silu: kernels.silu_multiply
      case .tanhGELU: kernels.gelu_multiply
      }
    compute.each(gate.rows) { row, _ in multiply?(gate[row], up[row], gate.columns, gate[row]) }
  }

  /// Normalises and rotates queries and keys of whole windows in place, as the layer does, and
  /// attends causally inside each window.
  func attend(
    query: DenseView, key: DenseView, value: DenseView, _ layer: LayerVectors.Heads,
    into out: DenseView
  ) {
    if layer.normalizesWholeRows {
      normalize(query, layer.queryNorm, into: query)
      normalize(key, layer.keyNorm, into: key)
    }
    let heads = configuration.kvHeadCount
    compute.each(query.rows / tokensPerWindow * heads) { [self] item, worker in
      attend(
        window: item / heads * tokensPerWindow, kvHead: item % heads, query, key, value, layer, out,
        memory: scratches[worker].base)
    }
  }

  private func attend(
    window first: Int, kvHead: Int, _ query: DenseView, _ key: DenseView, _ value: DenseView,
    _ layer: LayerVectors.Heads, _ out: DenseView, memory: UnsafeMutableRawPointer
  ) {
    let dimension = configuration.headDimension
    let shared = configuration.headCount / configuration.kvHeadCount
    let blockCount = (tokensPerWindow + 63) / 64
    let blocks = (0..<blockCount).map {
      UnsafePointer<UInt8>?((memory + $0 * blockByteCount).assumingMemoryBound(to: UInt8.self))
    }
    for position in 0..<tokensPerWindow {
      let row = first + position
      let block = (memory + position / 64 * blockByteCount).assumingMemoryBound(to: UInt8.self)
      prepare(key[row] + kvHead * dimension, position, layer.keyNorm, layer)
      for head in kvHead * shared..<(kvHead + 1) * shared {
        prepare(query[row] + head * dimension, position, layer.queryNorm, layer)
      }
      _ = kernels.kv_store(
        VIAL_KV_F32, UInt32(dimension), key[row] + kvHead * dimension,
        value[row] + kvHead * dimension, UInt32(position % 64), block)
    }
    let scratch = memory + (blockCount * blockByteCount + 63) / 64 * 64
    blocks.withUnsafeBufferPointer { blocks in
      positionCounts.withUnsafeBufferPointer { counts in
        guard let blocks = blocks.baseAddress, let counts = counts.baseAddress else { return }
        for begin in stride(from: 0, to: tokensPerWindow, by: Self.queriesPerCall) {
          let offset = kvHead * shared * dimension
          var arguments = vial_attention(
            type: VIAL_KV_F32, head_dim: UInt32(dimension), head_count: UInt32(shared),
            query_count: UInt32(min(Self.queriesPerCall, tokensPerWindow - begin)), blocks: blocks,
            position_counts: counts + begin, q: query[first + begin] + offset,
            q_stride: query.stride, out: out[first + begin] + offset, out_stride: out.stride,
            scale: attentionScale, soft_cap: attentionSoftCap, window: UInt32(layer.window),
            next: nil, next_count: 0, scratch: scratch)
          kernels.attention(&arguments)
        }
      }
    }
  }

  /// Normalises one head where the layer has a norm of single heads, and rotates it.
  private func prepare(
    _ head: UnsafeMutablePointer<Float>, _ position: Int, _ norm: [Float]?,
    _ layer: LayerVectors.Heads
  ) {
    if let norm, !layer.normalizesWholeRows {
      kernels.rms_norm(head, norm, norm.count, Float(configuration.normEpsilon), head)
    }
    switch layer.rotary {
    case .none: break
    case .first: first.rotate(head, at: position, kernels)
    case .second: second.rotate(head, at: position, kernels)
    }
  }
}

/// Cosines and sines of positions from 0 on.
private struct RotaryRows: Sendable {
  private let cosines, sines: [Float]
  private let pairCount: Int

  init(_ frequencies: [Float], magnitude: Float, count: Int) {
    pairCount = frequencies.count
    var (cosines, sines) = (
      [Float](repeating: 0, count: count * frequencies.count),
      [Float](repeating: 0, count: count * frequencies.count)
    )
    cosines.withUnsafeMutableBufferPointer { cosines in
      sines.withUnsafeMutableBufferPointer { sines in
        guard let cosine = cosines.baseAddress, let sine = sines.baseAddress else { return }
        for position in 0..<count {
          let start = position * frequencies.count
          vial_rope_angles(
            UInt32(position), frequencies, UInt32(frequencies.count), cosine + start, sine + start)
        }
      }
    }
    self.cosines = magnitude == 1 ? cosines : cosines.map { $0 * magnitude }
    self.sines = magnitude == 1 ? sines : sines.map { $0 * magnitude }
  }

  func rotate(
    _ head: UnsafeMutablePointer<Float>, at position: Int, _ kernels: vial_kernels
  ) {
    cosines.withUnsafeBufferPointer { cosines in
      sines.withUnsafeBufferPointer { sines in
        guard let cosine = cosines.baseAddress, let sine = sines.baseAddress else { return }
        let start = position * pairCount
        kernels.rope(head, cosine + start, sine + start, UInt32(pairCount))
      }
    }
  }
}

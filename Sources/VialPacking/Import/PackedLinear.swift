// Owns: one linear layer of a GPTQ, AWQ or compressed-tensors checkpoint: its tensors, found and
// compared with what the configuration says, and refused before the output is opened where they
// contradict it.
// Must not: turn it into tiles; `PackedLinearRows` does.

import CVialKernels
import VialArchitectures
import VialFormat
import VialText

/// A quantised linear layer that was checked: shapes, types, scales, zero points and the order of
/// its inputs.
struct PackedLinear: Sendable {
  let planned: PlannedTensor
  let layout: SourceQuantization.Layout
  let words: TensorIndex.Location
  let scales: TensorIndex.Location
  let zeros: TensorIndex.Location?
  /// Inputs that share a scale, where they stand together.
  let sourceGroup: Int
  /// Scales of a row in the source.
  let sourceGroupCount: Int
  /// The group of each input where they do not stand together (act-order).
  let groupOfInput: [Int32]?
  /// All tensors that belong to the layer.
  let tensorNames: [JSONString]
  /// How the layer is stored without loss, or why it cannot be.
  let form: SourceForm

  /// The layer whose weight is `planned`; nil when the checkpoint has it as plain floats.
  init?(
    _ planned: PlannedTensor, _ index: TensorIndex, _ quantization: SourceQuantization?
  ) throws(PackingError) {
    guard planned.role == .linear || planned.role == .head else { return nil }
    let module = String(planned.name.dropLast(".weight".count))
    let parts = PackedLinearParts(module, index)
    guard let quantization = try parts.claimed(by: quantization) else { return nil }
    self.planned = planned
    layout = quantization.layout
    let names = PackedLinearParts.Names(layout)
    sourceGroup = min(quantization.group ?? planned.columnCount, planned.columnCount)
    sourceGroupCount = (planned.columnCount + sourceGroup - 1) / sourceGroup
    let shapes = PackedLinearShapes(
      layout, outputs: planned.rowCount, inputs: planned.columnCount, groups: sourceGroupCount)
    try shapes.checkDivisible(planned.name)
    words = try parts.required(names.words, "I32", shapes.words)
    scales = try parts.required(names.scales, nil, shapes.scales)
    zeros = try parts.zeros(names.zeros, shapes.zeros, quantization)
    try parts.checkStatedShape(planned.shape)
    tensorNames = parts.presentNames
    groupOfInput = try parts.order(
      names.order, inputs: planned.columnCount, group: sourceGroup, groups: sourceGroupCount,
      quantization)
    form = try Self.form(
      scales, zeros, quantization, group: sourceGroup, groupCount: sourceGroupCount,
      planned, isReordered: groupOfInput != nil)
  }

  /// Reads scales and zero points once and says how the layer can be stored.
  private static func form(
    _ scales: TensorIndex.Location, _ zeros: TensorIndex.Location?,
    _ quantization: SourceQuantization, group: Int, groupCount: Int, _ planned: PlannedTensor,
    isReordered: Bool
  ) throws(PackingError) -> SourceForm {
    let values = try scales.floats()
    let zeroPoints = try PackedZeros(
      zeros, layout: quantization.layout, outputs: planned.rowCount, groups: groupCount)
    var isAsymmetric = false
    for output in 0..<planned.rowCount where !isAsymmetric {
      for group in 0..<groupCount where zeroPoints.value(output: output, group: group) != 8 {
        isAsymmetric = true
        break
      }
    }
    if isAsymmetric, quantization.isSymmetric == true {
      throw PackingError(
        "tensor \(zeros?.entry.name.text ?? planned.name) has zero points other than 8, but the"
          + " quantisation settings say symmetric")
    }
    let advice = "; `--weights` with an encoding decodes it and packs it anew"
    if isReordered {
      return .foreign(
        reason:
          "orders its inputs by importance (desc_act with a g_idx that is not ascending), which"
          + " int4 tiles cannot hold without loss" + advice)
    }
    guard values.allSatisfy({ vial_f16_to_f32(vial_f32_to_f16($0)) == $0 }) else {
      return .foreign(reason: "has scales that f16 cannot hold exactly" + advice)
    }
    guard let stored = storedGroup(group, inputs: planned.columnCount) else {
      return .foreign(
        reason: "has groups of \(group), which are not made of groups of 32, 64 or 128" + advice)
    }
    return .stored(TensorFormat(.int4, group: stored, isAsymmetric: isAsymmetric))
  }

  /// The largest group that the source's consists of; one scale for a whole row fits any.
  private static func storedGroup(_ group: Int, inputs: Int) -> Int? {
    if group >= inputs { return WeightRecipe.Group(rawValue: group)?.rawValue ?? 128 }
    return [128, 64, 32].first { group % $0 == 0 }
  }

  /// The tensor for the packer, in the format that the recipe gives it.
  func sourced(_ recipe: ResolvedRecipe) throws(PackingError) -> SourcedTensor {
    var tensor = SourcedTensor(
      planned: planned, rows: PackedLinearRows(linear: self, storedGroup: nil),
      sourceByteCount: words.entry.byteCount)
    try tensor.decide(recipe, form)
    if tensor.keepsSource, let format = tensor.format {
      tensor.rows = PackedLinearRows(linear: self, storedGroup: format.group)
    }
    return tensor
  }
}

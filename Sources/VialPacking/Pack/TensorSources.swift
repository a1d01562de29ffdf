// Owns: the pairing of each planned tensor with where its rows come from, and the refusal of a
// checkpoint that lacks one or has it in another shape or type.
// Must not: write, or leave a refusal for later: all of it happens before the first byte is
// written.

import VialArchitectures
import VialFormat
import VialSystem
import VialText

/// A planned tensor with its rows.
struct SourcedTensor: Sendable {
  var planned: PlannedTensor
  var rows: any TensorRows
  /// How it is stored; nil for a vector, which is plain f32.
  var format: TensorFormat?
  /// Whether the source's own numbers are stored as they are.
  var keepsSource = false
  /// Bytes read, or that a 16-bit checkpoint would have: the unit of progress.
  var sourceByteCount: UInt64
}

extension SourcedTensor {
  /// The format whose integers calibration chooses; nil for floats, and for integers that are the
  /// source's own.
  var calibratedFormat: TensorFormat? {
    guard planned.role == .linear, !keepsSource, let format, format.encoding.isQuantized else {
      return nil
    }
    return format
  }

  /// Takes the format that a recipe gives a tensor of that form. A vector is plain f32 whatever is
  /// asked.
  mutating func decide(_ recipe: ResolvedRecipe, _ source: SourceForm) throws(PackingError) {
    guard !planned.role.isVector else { return }
    (format, keepsSource) = try recipe.format(of: planned, source: source)
  }
}

extension TensorElement {
  /// What keeps a float tensor of a quantised source as it is; f64 has no such form.
  var sourceForm: SourceForm {
    let encoding: TensorEncoding
    switch self {
    case .float16: encoding = .f16
    case .bfloat16: encoding = .bf16
    case .float32: encoding = .f32
    case .float64, .other: return .original
    }
    return .stored(TensorFormat(encoding))
  }
}

/// The tensors of a checkpoint in execution order, ready to be read.
struct TensorSources: Sendable {
  var tensors: [SourcedTensor] = []
  /// The safetensors files behind them.
  var files: [SourceFile] = []
  /// Names in the checkpoint that no planned tensor has.
  var unusedNames: [String] = []

  /// Total of `sourceByteCount`.
  var byteCount: UInt64 { tensors.reduce(0) { $0 + $1.sourceByteCount } }

  /// Random numbers in the shapes of `plan`.
  init(random plan: TensorPlan, seed: UInt64, recipe: ResolvedRecipe) throws(PackingError) {
    for (index, planned) in plan.tensors.enumerated() {
      var rows = RandomRows(tensor: planned, index: index, seed: seed)
      var tensor = SourcedTensor(
        planned: planned, rows: rows,
        sourceByteCount: UInt64(planned.rowCount) * UInt64(planned.columnCount) * 2)
      try tensor.decide(recipe, .original)
      rows.codebook = tensor.format?.codebook
      tensor.rows = rows
      tensors.append(tensor)
    }
  }

  /// The checkpoint's own tensors.
  init(
    checkpoint weights: FolderWeights, plan: TensorPlan, recipe: ResolvedRecipe
  ) throws(PackingError) {
    let (index, quantization) = (weights.index, weights.quantization)
    files = index.files
    var known = Set(plan.tensors.map { JSONString($0.name) })
    for planned in plan.tensors {
      if let linear = try PackedLinear(planned, index, quantization) {
        tensors.append(try linear.sourced(recipe))
        known.formUnion(linear.tensorNames)
        continue
      }
      var location = weights.location(planned.name)
      var part: PlannedTensor.FusedSource?
      if location == nil, let fused = planned.fused {
        location = weights.location(fused.name)
        part = fused
        known.insert(JSONString(fused.name))
      }
      guard let location else {
        throw PackingError(
          "tensor \(part?.name ?? planned.name) is missing from the checkpoint")
      }
      var tensor = try Self.sourced(planned, location, part)
      let form = quantization.map { _ in location.entry.element.sourceForm } ?? .original
      try tensor.decide(recipe, form)
      tensors.append(tensor)
    }
    for name in index.names where !known.contains(name) {
      unusedNames.append(PackingError.printable(name.bytes))
    }
  }

  /// - Parameter part: the rows of a larger tensor that are the planned one's.
  private static func sourced(
    _ planned: PlannedTensor, _ location: TensorIndex.Location, _ part: PlannedTensor.FusedSource?
  ) throws(PackingError) -> SourcedTensor {
    let entry = location.entry
    let name = part?.name ?? planned.name
    var shape = planned.shape
    if let part { shape[0] = part.rowCount }
    guard entry.shape == shape else {
      throw PackingError(
        "\(location.file.name): tensor \(name) has shape \(entry.shape), config.json needs"
          + " \(shape)")
    }
    if case .other(let type, _) = entry.element {
      throw PackingError(
        "\(location.file.name): tensor \(name) has dtype \(type), only F32, F16, BF16 and F64 can be packed"
      )
    }
    let rows = CheckpointRows(
      file: location.file, entry: entry, columnCount: planned.columnCount,
      firstRow: part?.firstRow ?? 0)
    return SourcedTensor(
      planned: planned, rows: planned.isLessOne ? NormRows(rows: rows) : rows,
      sourceByteCount: entry.byteCount / UInt64(max(1, shape[0])) * UInt64(planned.shape[0]))
  }

  /// Those of `unusedNames` that belong to other parts of the model: what sees images.
  var namesOfOtherParts: [String] { unusedNames.filter { WrapperNames.otherPart(of: $0) != nil } }

  /// The others of `unusedNames`, without what a checkpoint may hold for historical reasons: stored
  /// rotary frequencies, and the head's copy of a tied embedding.
  func unexpectedNames(tied: Bool) -> [String] {
    unusedNames.filter { WrapperNames.otherPart(of: $0) == nil }.filter { name in
      !name.utf8.reversed().starts(with: "rotary_emb.inv_freq".utf8.reversed())
        && !(tied && name == "lm_head.weight")
    }
  }
}

// Pairs each planned tensor with where its rows come from, and refuses a checkpoint that lacks one or has
// it in another shape or type. All of it happens before the first byte is written.

import VialSystem

/// A planned tensor with its rows.
struct SourcedTensor: Sendable {
  var planned: PlannedTensor
  var rows: any TensorRows
  /// Bytes read, or that a 16-bit checkpoint would have: the unit of progress.
  var sourceByteCount: UInt64
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
  init(random plan: TensorPlan, seed: UInt64) {
    for (index, planned) in plan.tensors.enumerated() {
      tensors.append(
        SourcedTensor(
          planned: planned, rows: RandomRows(tensor: planned, index: index, seed: seed),
          sourceByteCount: UInt64(planned.rowCount) * UInt64(planned.columnCount) * 2))
    }
  }

  /// The checkpoint's own tensors.
  init(checkpoint folder: CheckpointFolder, plan: TensorPlan) throws(PackingError) {
    let index = try TensorIndex(folder: folder)
    files = index.files
    for planned in plan.tensors {
      guard let location = index.location(planned.name) else {
        throw PackingError("tensor \(planned.name) is missing from the checkpoint")
      }
      tensors.append(try Self.sourced(planned, location))
    }
    let known = Set(plan.tensors.map { JSONString($0.name) })
    for name in index.names where !known.contains(name) {
      unusedNames.append(PackingError.printable(name.bytes))
    }
  }

  private static func sourced(
    _ planned: PlannedTensor, _ location: TensorIndex.Location
  ) throws(PackingError) -> SourcedTensor {
    let entry = location.entry
    guard entry.shape == planned.shape else {
      throw PackingError(
        "\(location.file.name): tensor \(planned.name) has shape \(entry.shape), config.json needs"
          + " \(planned.shape)")
    }
    if case .other(let type, _) = entry.element {
      throw PackingError(
        "\(location.file.name): tensor \(planned.name) has dtype \(type), only F32, F16, BF16 and F64 can be packed"
      )
    }
    return SourcedTensor(
      planned: planned,
      rows: CheckpointRows(file: location.file, entry: entry, columnCount: planned.columnCount),
      sourceByteCount: entry.byteCount)
  }

  /// `unusedNames` without what a checkpoint may hold for historical reasons: stored rotary
  /// frequencies, and the head's copy of a tied embedding.
  func unexpectedNames(tied: Bool) -> [String] {
    unusedNames.filter { name in
      !name.utf8.reversed().starts(with: "rotary_emb.inv_freq".utf8.reversed())
        && !(tied && name == "lm_head.weight")
    }
  }
}

// Owns: the tensors of a GGUF file under their Hugging Face names, paired with a plan: the names
// and the order of rows of llama.cpp's convert_hf_to_gguf.py.
// Must not: decode.

import VialArchitectures
import VialText

/// Tensors that are not the architecture's.
enum GGUFNames {
  /// Whether a tensor holds what is computed from the metadata: the frequencies that old converters
  /// wrote.
  static func isLeftover(_ name: JSONString) -> Bool {
    name.text.hasSuffix(".attn_rot_embd") || name.text.hasSuffix(".attn_rot_embd.weight")
  }
}

extension TensorSources {
  /// The tensors of a GGUF file.
  init(
    _ file: GGUFFile, configuration: CheckpointConfiguration, recipe: ResolvedRecipe
  ) throws(PackingError) {
    var known: Set<JSONString> = [
      "rope_freqs.weight", "rope_factors_short.weight", "rope_factors_long.weight",
    ]
    for planned in TensorPlan(configuration).tensors {
      var (name, part) = (planned.ggufName, PlannedTensor.FusedSource?.none)
      if let fused = planned.fused,
        file.tensors[JSONString(fused.ggufName)]?.shape.first == fused.rowCount
      {
        (name, part) = (fused.ggufName, fused)
      }
      known.insert(JSONString(name))
      tensors.append(try Self.sourced(planned, name, part, file, configuration, recipe))
    }
    // llama.cpp computes with every tensor that it knows and refuses a file with others: nothing
    // can be left out.
    let rest = file.tensors.keys.filter { !known.contains($0) && !GGUFNames.isLeftover($0) }
    if let name = rest.min(by: { $0.bytes.lexicographicallyPrecedes($1.bytes) }) {
      let more = rest.count > 1 ? " and \(rest.count - 1) more" : ""
      throw file.error(
        "tensor \(PackingError.printable(name.bytes))\(more) would be computed with, which is not supported for"
          + " \(configuration.architecture.name)")
    }
    files = file.others
  }

  private static func sourced(
    _ planned: PlannedTensor, _ name: String, _ part: PlannedTensor.FusedSource?, _ file: GGUFFile,
    _ configuration: CheckpointConfiguration, _ recipe: ResolvedRecipe
  ) throws(PackingError) -> SourcedTensor {
    guard let tensor = file.tensors[JSONString(name)] else {
      throw file.error("tensor \(name) is missing")
    }
    var shape = planned.shape
    if let part { shape[0] = part.rowCount }
    guard tensor.shape == shape else {
      throw file.error("tensor \(name) has shape \(tensor.shape), the metadata needs \(shape)")
    }
    guard tensor.type.isDecoded else {
      throw file.error(
        "tensor \(name) has type \(tensor.type.name), which is not read (F32, F16, BF16, Q4_0, Q4_1,"
          + " Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K, IQ4_NL are)")
    }
    // llama.cpp rotates neighbours for some architectures, whose converters interleave the halves
    // of each head.
    let isInterleaved = configuration.architecture.gguf.interleavesHeads && planned.isRotated
    let rows = { (keepsIntegers: Bool) in
      GGUFRows(
        file: tensor.file, tensor: tensor, name: name, columnCount: planned.columnCount,
        firstRow: part?.firstRow ?? 0, isVector: planned.role.isVector,
        interleavedHead: isInterleaved ? configuration.headDimension : nil,
        keepsIntegers: keepsIntegers)
    }
    var sourced = SourcedTensor(
      planned: planned, rows: rows(false),
      sourceByteCount: tensor.byteCount / UInt64(max(1, shape[0])) * UInt64(planned.shape[0]))
    try sourced.decide(recipe, tensor.type.form)
    if sourced.keepsSource { sourced.rows = rows(true) }
    return sourced
  }
}

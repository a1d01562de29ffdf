// Owns: the tensors of a GGUF file under their Hugging Face names, paired with a plan: the names
// and the order of rows of llama.cpp's convert_hf_to_gguf.py.
// Must not: decode.

import VialText

/// Names that llama.cpp gives the tensors of a checkpoint.
enum GGUFNames {
  private static let modules = [
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
  ]

  /// Whether a tensor holds what is computed from the metadata: the frequencies that old converters
  /// wrote.
  static func isLeftover(_ name: JSONString) -> Bool {
    name.text.hasSuffix(".attn_rot_embd") || name.text.hasSuffix(".attn_rot_embd.weight")
  }

  /// The GGUF name of a planned tensor.
  static func name(of planned: String) -> String {
    switch planned {
    case "model.embed_tokens.weight": return "token_embd.weight"
    case "model.norm.weight": return "output_norm.weight"
    case "lm_head.weight": return "output.weight"
    default: break
    }
    // model.layers.N.MODULE.KIND
    let parts = planned.split(separator: ".").map(String.init)
    let module = parts[3..<parts.count - 1].joined(separator: ".")
    return "blk.\(parts[2]).\(modules[module] ?? module).\(parts[parts.count - 1])"
  }
}

extension TensorSources {
  /// The tensors of a GGUF file.
  init(
    _ file: GGUFFile, configuration: CheckpointConfiguration, recipe: ResolvedRecipe
  ) throws(PackingError) {
    var known: Set<JSONString> = ["rope_freqs.weight"]
    for planned in TensorPlan(configuration).tensors {
      let name = GGUFNames.name(of: planned.name)
      known.insert(JSONString(name))
      tensors.append(try Self.sourced(planned, name, file, configuration, recipe))
    }
    // llama.cpp computes with every tensor that it knows and refuses a file with others: nothing
    // can be left out.
    let rest = file.tensors.keys.filter { !known.contains($0) && !GGUFNames.isLeftover($0) }
    if let name = rest.min(by: { $0.bytes.lexicographicallyPrecedes($1.bytes) }) {
      let more = rest.count > 1 ? " and \(rest.count - 1) more" : ""
      throw file.error(
        "tensor \(PackingError.printable(name.bytes))\(more) would be computed with, which is not supported for"
          + " \(configuration.architecture.rawValue)")
    }
    files = file.others
  }

  private static func sourced(
    _ planned: PlannedTensor, _ name: String, _ file: GGUFFile,
    _ configuration: CheckpointConfiguration, _ recipe: ResolvedRecipe
  ) throws(PackingError) -> SourcedTensor {
    guard let tensor = file.tensors[JSONString(name)] else {
      throw file.error("tensor \(name) is missing")
    }
    guard tensor.shape == planned.shape else {
      throw file.error(
        "tensor \(name) has shape \(tensor.shape), the metadata needs \(planned.shape)")
    }
    guard tensor.type.isDecoded else {
      throw file.error(
        "tensor \(name) has type \(tensor.type.name), which is not read (F32, F16, BF16, Q4_0, Q4_1,"
          + " Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K, IQ4_NL are)")
    }
    // llama.cpp's "llama" rotates neighbours, so its converter interleaves the halves of each head.
    let isInterleaved =
      configuration.architecture == .llama
      && (name.hasSuffix(".attn_q.weight") || name.hasSuffix(".attn_k.weight"))
    let rows = { (keepsIntegers: Bool) in
      GGUFRows(
        file: tensor.file, tensor: tensor, name: name, columnCount: planned.columnCount,
        interleavedHead: isInterleaved ? configuration.headDimension : nil,
        keepsIntegers: keepsIntegers)
    }
    var sourced = SourcedTensor(
      planned: planned, rows: rows(false), sourceByteCount: tensor.byteCount)
    try sourced.decide(recipe, tensor.type.form)
    if sourced.keepsSource { sourced.rows = rows(true) }
    return sourced
  }
}

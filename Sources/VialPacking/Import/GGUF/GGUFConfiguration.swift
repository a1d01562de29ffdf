// Owns: what GGUF metadata says about a model's shape, as a checkpoint's configuration: keys,
// defaults and refusals.
// Must not: read tensor data.
// Source: ggml's docs/gguf.md and llama.cpp's convert_hf_to_gguf.py.

import VialText

extension CheckpointConfiguration {
  /// Reads the metadata of a GGUF file.
  init(_ file: GGUFFile) throws(PackingError) {
    guard let name = try file.string("general.architecture") else {
      throw file.error("no general.architecture")
    }
    guard let architecture = Architecture(rawValue: name) else {
      throw file.error(
        "architecture \(PackingError.printable(name)) is not supported (llama, qwen2)")
    }
    guard let embedding = file.tensors["token_embd.weight"], embedding.shape.count == 2,
      embedding.shape[0] <= 1 << 24
    else {
      throw file.error("no tensor token_embd.weight of at most 16777216 rows")
    }
    let keys = GGUFKeys(file: file, prefix: name + ".")
    let hidden = try keys.required("embedding_length", upTo: 1 << 18)
    let heads = try keys.required("attention.head_count", upTo: 4096)
    let head = try keys.headDimension(hidden: hidden, heads: heads)
    try keys.refuseUnsupported(headDimension: head)
    let base = try file.number(name + ".rope.freq_base") ?? 10000
    guard base >= 1, base <= 1e15 else { throw file.error("rope.freq_base is out of range") }
    let epsilon = try file.number(name + ".attention.layer_norm_rms_epsilon") ?? 1e-6
    guard epsilon > 0, epsilon < 1 else {
      throw file.error("attention.layer_norm_rms_epsilon is not between 0 and 1")
    }
    let keyHeads = try keys.size("attention.head_count_kv", upTo: 4096) ?? heads
    guard heads % keyHeads == 0, head % 2 == 0 else {
      throw file.error("\(heads) heads of \(head) do not fit \(keyHeads) key heads")
    }
    self.init(
      architecture: architecture, modelName: Self.modelName(try file.string("general.name")),
      hiddenSize: hidden, layerCount: try keys.required("block_count", upTo: 4096),
      headCount: heads, kvHeadCount: keyHeads, headDimension: head,
      feedForwardSize: try keys.required("feed_forward_length", upTo: 1 << 20),
      vocabularySize: embedding.shape[0],
      contextLength: try keys.required("context_length", upTo: 1 << 30), normEpsilon: epsilon,
      rotaryBase: base, rotaryScaling: try keys.scaling(headDimension: head),
      tiedEmbedding: file.tensors["output.weight"] == nil,
      beginToken: try file.integer("tokenizer.ggml.bos_token_id", 0...Int(Int32.max)),
      endTokens: try keys.endTokens())
  }

  /// A name fit for provenance: printable, and no path.
  private static func modelName(_ text: String?) -> String? {
    guard let text, !text.isEmpty, text.utf8.count <= 200, text.utf8.first != UInt8(ascii: "/"),
      text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") })
    else { return nil }
    return text
  }
}

/// The keys of one architecture.
private struct GGUFKeys {
  let file: GGUFFile
  let prefix: String

  func size(_ key: String, upTo limit: Int) throws(PackingError) -> Int? {
    try file.integer(prefix + key, 1...limit)
  }

  func required(_ key: String, upTo limit: Int) throws(PackingError) -> Int {
    guard let size = try size(key, upTo: limit) else { throw file.error("no \(prefix)\(key)") }
    return size
  }

  func headDimension(hidden: Int, heads: Int) throws(PackingError) -> Int {
    if let stated = try size("attention.key_length", upTo: 4096) { return stated }
    guard hidden % heads == 0, hidden / heads <= 4096 else {
      throw file.error("embedding_length \(hidden) does not fit \(heads) heads")
    }
    return hidden / heads
  }

  /// Refuses what would change the answers and is not computed here.
  func refuseUnsupported(headDimension: Int) throws(PackingError) {
    for key in ["attention.value_length", "rope.dimension_count"] {
      guard let length = try size(key, upTo: 4096), length != headDimension else { continue }
      throw file.error("\(prefix)\(key) is \(length), only \(headDimension) is supported here")
    }
    for key in ["expert_count", "attention.sliding_window"] {
      guard let count = try file.integer(prefix + key, 0...Int(Int32.max)), count > 0 else {
        continue
      }
      throw file.error("\(prefix)\(key) is \(count), which is not supported")
    }
  }

  /// Ids that end an answer: the end of a text and, where there is one, of a turn.
  func endTokens() throws(PackingError) -> [Int] {
    var ids: [Int] = []
    for key in ["eos", "eot", "eom"] {
      if let id = try file.integer("tokenizer.ggml.\(key)_token_id", 0...Int(Int32.max)) {
        ids.append(id)
      }
    }
    return ids
  }

  /// The rotary scaling: a rule in the metadata, or a tensor of divisors (Llama 3.1).
  func scaling(headDimension: Int) throws(PackingError) -> RotaryScaling {
    if let divisors = file.tensors["rope_freqs.weight"] {
      guard divisors.type.name == "F32", divisors.shape == [headDimension / 2] else {
        throw file.error("tensor rope_freqs.weight is not \(headDimension / 2) numbers of F32")
      }
      let bytes = try divisors.file.bytes(at: divisors.fileOffset, count: Int(divisors.byteCount))
      let values = bytes.withUnsafeBytes { raw in
        (0..<headDimension / 2).map { raw.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self) }
      }
      guard values.allSatisfy({ $0 >= 0x1p-20 && $0 <= 0x1p40 }) else {
        throw file.error("tensor rope_freqs.weight has a number out of range")
      }
      let factor = Float(try linearFactor() ?? 1)
      return .divisors(values.map { $0 * factor })
    }
    return try linearFactor().map { .linear(factor: $0) } ?? .none
  }

  /// What positions are divided by; nil for nothing. As in llama.cpp the rule is linear where none
  /// is named, and the key of older files is read where the newer one is missing; 0 is no factor.
  private func linearFactor() throws(PackingError) -> Double? {
    let rule = try file.string(prefix + "rope.scaling.type")
    switch rule {
    case nil, "linear": break
    case "none": return nil
    case let other?:
      throw file.error(
        "rope.scaling.type \(PackingError.printable(other)) is not supported (none, linear)")
    }
    let newer = try file.number(prefix + "rope.scaling.factor")
    let older = try file.number(prefix + "rope.scale_linear")
    guard let factor = newer ?? older else {
      guard rule == nil else { throw file.error("rope.scaling.factor is missing") }
      return nil
    }
    if factor == 0 { return nil }
    guard factor >= 0x1p-20, factor <= 0x1p40 else {
      throw file.error("rope.scaling.factor is out of range")
    }
    return factor == 1 ? nil : factor
  }
}

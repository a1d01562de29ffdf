// Owns: what GGUF metadata says about a model's shape, as a checkpoint's configuration: keys,
// defaults and refusals.
// Must not: read tensor data.
// Source: ggml's docs/gguf.md and llama.cpp's convert_hf_to_gguf.py.

import VialArchitectures
import VialFormat
import VialNumerics
import VialText

extension CheckpointConfiguration {
  /// Reads the metadata of a GGUF file.
  init(_ file: GGUFFile) throws(PackingError) {
    guard let name = try file.string("general.architecture") else {
      throw file.error("no general.architecture")
    }
    guard let architecture = Architecture.all.first(where: { $0.gguf.name == name }) else {
      let known = Architecture.all.map(\.gguf.name).sorted().joined(separator: ", ")
      throw file.error("architecture \(PackingError.printable(name)) is not supported (\(known))")
    }
    guard let embedding = file.tensors["token_embd.weight"], embedding.shape.count == 2,
      embedding.shape[0] <= 1 << 24
    else {
      throw file.error("no tensor token_embd.weight of at most 16777216 rows")
    }
    let keys = GGUFKeys(file: file, prefix: name + ".", architecture: architecture)
    let hidden = try keys.required("embedding_length", upTo: 1 << 18)
    let heads = try keys.required("attention.head_count", upTo: 4096)
    let head = try keys.headDimension(hidden: hidden, heads: heads)
    let context = try keys.required("context_length", upTo: 1 << 30)
    let base = try keys.base("rope.freq_base") ?? 10000
    try keys.refuseUnsupported(headDimension: head, contextLength: context, base: base)
    let epsilon = try file.number(name + ".attention.layer_norm_rms_epsilon") ?? 1e-6
    guard epsilon > 0, epsilon < 1 else {
      throw file.error("attention.layer_norm_rms_epsilon is not between 0 and 1")
    }
    let keyHeads = try keys.size("attention.head_count_kv", upTo: 4096) ?? heads
    guard heads % keyHeads == 0, head % 2 == 0 else {
      throw file.error("\(heads) heads of \(head) do not fit \(keyHeads) key heads")
    }
    let layers = try keys.required("block_count", upTo: 4096)
    let rotaryDimension = try keys.size("rope.dimension_count", upTo: 4096) ?? head
    var traits = try keys.traits(layerCount: layers)
    try keys.addGemma(&traits, hidden: hidden, heads: heads, head: head, layers: layers)
    let local = try keys.addWindows(&traits, layerCount: layers, contextLength: context)
    self.init(
      architecture: architecture, modelName: Self.modelName(try file.string("general.name")),
      hiddenSize: hidden, layerCount: layers, headCount: heads, kvHeadCount: keyHeads,
      headDimension: head, feedForwardSize: try keys.required("feed_forward_length", upTo: 1 << 20),
      vocabularySize: embedding.shape[0], contextLength: context, normEpsilon: epsilon,
      rotaryBase: base,
      rotaryScaling: try keys.scaling(rotaryDimension: rotaryDimension, contextLength: context),
      rotaryFraction: Double(rotaryDimension) / Double(head), localRotary: local,
      hasAttentionBias: keys.hasAttentionBias, traits: traits,
      tiedEmbedding: file.tensors["output.weight"] == nil,
      beginToken: try file.integer("tokenizer.ggml.bos_token_id", 0...Int(Int32.max)),
      endTokens: try keys.endTokens())
    guard hasSoundFrequencies else {
      throw file.error("the rotary settings give frequencies beyond 0 to 1")
    }
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
struct GGUFKeys {
  let file: GGUFFile
  let prefix: String
  let architecture: Architecture

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

  /// Whether q, k and v have biases.
  var hasAttentionBias: Bool {
    switch architecture.traits.attentionBias {
    case .always: true
    case .never: false
    case .stated: hasTensor("attn_q.bias")
    }
  }

  /// Whether the first layer has a tensor; all layers have the same.
  private func hasTensor(_ name: String) -> Bool {
    file.tensors[JSONString("blk.0.\(name)")] != nil
  }

  /// What layers do beyond the plainest ones.
  func traits(layerCount: Int) throws(PackingError) -> LayerTraits {
    var traits = LayerTraits()
    let known = architecture.settings
    traits.hasOutputBias = known.readsAttentionBias && hasTensor("attn_output.bias")
    traits.hasFeedForwardBias = known.readsFeedForwardBias && hasTensor("ffn_down.bias")
    if known.readsMultipliers {
      traits.attentionScale = try factor("attention.scale")
      traits.embeddingMultiplier = try factor("embedding_scale") ?? 1
      traits.residualMultiplier = try factor("residual_scale") ?? 1
      traits.logitMultiplier = 1 / (try factor("logit_scale") ?? 1)
    }
    // llama.cpp has the interval in its code.
    if known.readsRotatedLayers {
      let layers = (1...layerCount).map { $0 % 4 != 0 }
      traits.rotaryTables = layers.allSatisfy { $0 } ? nil : layers.map { $0 ? .first : .none }
    }
    return traits
  }

  /// What angles are powers of; nil without the key.
  func base(_ key: String) throws(PackingError) -> Double? {
    guard let base = try file.number(prefix + key) else { return nil }
    guard base >= 1, base <= 1e15 else { throw file.error("\(key) is out of range") }
    return base
  }

  /// A multiplier; nil without it, and for 0, which llama.cpp takes for none.
  func factor(_ key: String) throws(PackingError) -> Double? {
    guard let factor = try file.number(prefix + key), factor != 0 else { return nil }
    guard factor >= 0x1p-20, factor <= 0x1p40 else { throw file.error("\(key) is out of range") }
    return factor
  }

  /// Refuses what would change the answers and is not computed here.
  func refuseUnsupported(
    headDimension: Int, contextLength: Int, base: Double
  ) throws(PackingError) {
    for key in ["attention.value_length", "rope.dimension_count"] {
      guard let length = try size(key, upTo: 4096), length != headDimension else { continue }
      if key == "rope.dimension_count", architecture.settings.readsRotaryFraction,
        length < headDimension
      {
        continue
      }
      throw file.error("\(prefix)\(key) is \(length), only \(headDimension) is supported here")
    }
    if let count = try file.integer(prefix + "expert_count", 0...Int(Int32.max)), count > 0 {
      throw file.error("\(prefix)expert_count is \(count), which is not supported")
    }
    try refuseWindows(contextLength: contextLength, base: base)
    for (key, cap) in [
      ("attn_logit_softcapping", architecture.settings.attentionSoftCap),
      ("final_logit_softcapping", architecture.settings.logitSoftCap),
    ] where cap == .unread {
      guard let limit = try factor(key) else { continue }
      throw file.error("\(prefix)\(key) is \(limit), which is not supported")
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

  /// The rotary scaling: a rule in the metadata, or tensors of divisors (Llama 3.1, Phi-3).
  func scaling(rotaryDimension: Int, contextLength: Int) throws(PackingError) -> RotaryScaling {
    let count = rotaryDimension / 2
    if let divisors = try factors("rope_freqs.weight", count: count) {
      let factor = Float(try linearFactor() ?? 1)
      return .divisors(divisors.map { $0 * factor })
    }
    if let short = try factors("rope_factors_short.weight", count: count),
      let long = try factors("rope_factors_long.weight", count: count)
    {
      let original = try originalContextLength(contextLength)
      let ratio = Double(contextLength) / Double(original)
      let usual =
        ratio <= 1
        ? 1 : (1 + DoubleFunctions.log(ratio) / DoubleFunctions.log(Double(original))).squareRoot()
      return .longRope(
        .init(
          shortFactors: short, longFactors: long, originalContextLength: original,
          magnitude: try factor("rope.scaling.attn_factor") ?? usual))
    }
    if try file.string(prefix + "rope.scaling.type") == "yarn" { return try yarn(contextLength) }
    return try linearFactor().map { .linear(factor: $0) } ?? .none
  }

  private func yarn(_ contextLength: Int) throws(PackingError) -> RotaryScaling {
    let original = Double(try originalContextLength(contextLength))
    guard let factor = try factor("rope.scaling.factor") else {
      throw file.error("rope.scaling.factor is missing")
    }
    let magnitude = try self.factor("rope.scaling.attn_factor") ?? 1
    var rule = RotaryScaling.YaRN(
      factor: factor, originalContextLength: original,
      magnitude: RotaryScaling.YaRN.magnitude(factor: factor) * magnitude)
    if let fast = try self.factor("rope.scaling.yarn_beta_fast") { rule.fastTurns = fast }
    if let slow = try self.factor("rope.scaling.yarn_beta_slow") { rule.slowTurns = slow }
    return .yarn(rule)
  }

  private func originalContextLength(_ contextLength: Int) throws(PackingError) -> Int {
    let length = try size("rope.scaling.original_context_length", upTo: 1 << 30) ?? contextLength
    guard length > 1 else { throw file.error("rope.scaling.original_context_length is 1") }
    return length
  }

  /// Numbers that frequencies are divided by; nil without the tensor.
  private func factors(_ name: JSONString, count: Int) throws(PackingError) -> [Float]? {
    guard let divisors = file.tensors[name] else { return nil }
    guard divisors.type.name == "F32", divisors.shape == [count] else {
      throw file.error("tensor \(name.text) is not \(count) numbers of F32")
    }
    let bytes = try divisors.file.bytes(at: divisors.fileOffset, count: Int(divisors.byteCount))
    let values = bytes.withUnsafeBytes { raw in
      (0..<count).map { raw.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self) }
    }
    guard values.allSatisfy({ $0 >= 0x1p-20 && $0 <= 0x1p40 }) else {
      throw file.error("tensor \(name.text) has a number out of range")
    }
    return values
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
        "rope.scaling.type \(PackingError.printable(other)) is not supported (none, linear, yarn)")
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

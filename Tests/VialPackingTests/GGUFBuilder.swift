// Makes GGUF files, honest and lying ones, byte by byte; and one from a committed checkpoint.

import Foundation
import TestSupport

/// The contents of a GGUF file.
struct GGUFBuilder {
  enum Value {
    case u32(UInt32)
    case i32(Int32)
    case f32(Float)
    case flag(Bool)
    case text(String)
    case texts([String])
    case i32s([Int32])
    case f32s([Float])
  }

  struct Tensor {
    var name: String
    /// Outermost first.
    var shape: [Int]
    var type: UInt32
    var data: [UInt8]
    /// Instead of the place where it stands.
    var offset: Int?
  }

  var version: UInt32 = 3
  var metadata: [(key: String, value: Value)] = []
  var tensors: [Tensor] = []

  subscript(key: String) -> Value? {
    get { metadata.first { $0.key == key }?.value }
    set {
      metadata.removeAll { $0.key == key }
      if let newValue { metadata.append((key, newValue)) }
    }
  }

  private static func little(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }

  static func text(_ text: String) -> [UInt8] {
    little(UInt64(text.utf8.count)) + Array(text.utf8)
  }

  private static func list<Element>(
    _ type: UInt32, _ elements: [Element], _ bytes: (Element) -> [UInt8]
  ) -> [UInt8] {
    little(UInt32(9)) + little(type) + little(UInt64(elements.count)) + elements.flatMap(bytes)
  }

  private static func bytes(_ value: Value) -> [UInt8] {
    switch value {
    case .u32(let number): little(UInt32(4)) + little(number)
    case .i32(let number): little(UInt32(5)) + little(number)
    case .f32(let number): little(UInt32(6)) + little(number.bitPattern)
    case .flag(let flag): little(UInt32(7)) + [flag ? 1 : 0]
    case .text(let string): little(UInt32(8)) + text(string)
    case .texts(let strings): list(8, strings, text)
    case .i32s(let numbers): list(5, numbers, little)
    case .f32s(let numbers): list(6, numbers) { little($0.bitPattern) }
    }
  }

  /// The bytes before the data.
  var header: [UInt8] {
    var out = Array("GGUF".utf8) + Self.little(version)
    out += Self.little(UInt64(tensors.count)) + Self.little(UInt64(metadata.count))
    for (key, value) in metadata { out += Self.text(key) + Self.bytes(value) }
    var offset = 0
    for tensor in tensors {
      out += Self.text(tensor.name) + Self.little(UInt32(tensor.shape.count))
      for size in tensor.shape.reversed() { out += Self.little(UInt64(size)) }
      out += Self.little(tensor.type) + Self.little(Int64(tensor.offset ?? offset))
      offset += (tensor.data.count + 31) / 32 * 32
    }
    return out
  }

  /// The whole file.
  var bytes: [UInt8] {
    var out = header
    for tensor in tensors {
      out += [UInt8](repeating: 0, count: (32 - out.count % 32) % 32) + tensor.data
    }
    return out
  }
}

// MARK: From a checkpoint

extension GGUFBuilder {
  private static let modules = [
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
  ]

  /// What some architectures have besides, or call otherwise.
  private static func modules(of arch: String) -> [String: String] {
    var names = modules
    names["self_attn.q_norm"] = "attn_q_norm"
    names["self_attn.k_norm"] = "attn_k_norm"
    names["self_attn.qkv_proj"] = "attn_qkv"
    names["mlp.gate_up_proj"] = "ffn_up"
    names["post_feedforward_layernorm"] = "post_ffw_norm"
    names["pre_feedforward_layernorm"] = "ffn_norm"
    if arch == "olmo2" || arch.hasPrefix("gemma") {
      names["post_attention_layernorm"] = "post_attention_norm"
    }
    return names
  }

  /// The GGUF name of a checkpoint's tensor.
  static func name(_ name: String, _ arch: String = "llama") -> String {
    var out = name.replacingOccurrences(of: "model.embed_tokens", with: "token_embd")
      .replacingOccurrences(of: "model.norm", with: "output_norm")
      .replacingOccurrences(of: "lm_head", with: "output")
      .replacingOccurrences(of: "model.layers", with: "blk")
    for (module, short) in modules(of: arch) {
      out = out.replacingOccurrences(of: module, with: short)
    }
    return out
  }

  private static func json(_ fixture: Fixture, _ file: String) throws -> [String: Any] {
    let object = try JSONSerialization.jsonObject(with: Data(fixture.bytes(file)))
    return object as? [String: Any] ?? [:]
  }

  /// The same model as a checkpoint's, matrices in the type that they have there, vectors in F32.
  init(_ fixture: Fixture, pre: String) throws {
    let config = try Self.json(fixture, "config.json")
    let type = config["model_type"] as? String ?? ""
    let arch = type == "gemma3_text" ? "gemma3" : type
    func number(_ key: String) -> UInt32 { UInt32(config[key] as? Int ?? 0) }
    let heads = Int(number("num_attention_heads"))
    let keyHeads = Int(number("num_key_value_heads"))
    self["general.architecture"] = .text(arch)
    for (key, value) in [
      ("context_length", "max_position_embeddings"), ("embedding_length", "hidden_size"),
      ("block_count", "num_hidden_layers"), ("feed_forward_length", "intermediate_size"),
      ("attention.head_count", "num_attention_heads"),
      ("attention.head_count_kv", "num_key_value_heads"),
    ] { self["\(arch).\(key)"] = .u32(number(value)) }
    self["\(arch).rope.freq_base"] = .f32(Float(config["rope_theta"] as? Double ?? 0))
    self["\(arch).attention.layer_norm_rms_epsilon"] = .f32(
      Float(config["rms_norm_eps"] as? Double ?? 0))
    try addTraits(config, arch)
    try addTokenizer(fixture, pre)
    for file in try FileManager.default.contentsOfDirectory(atPath: fixture.folder.path).sorted()
    where file.hasSuffix(".safetensors") {
      for tensor in try SafetensorsFile(fixture.bytes(file)).tensors {
        add(tensor, arch, heads, keyHeads)
      }
    }
  }

  /// Keys that only some architectures have, as llama.cpp's converter writes them.
  private mutating func addTraits(_ config: [String: Any], _ arch: String) throws {
    func float(_ key: String) -> Float? { (config[key] as? Double).map { Float($0) } }
    if let head = config["head_dim"] as? Int {
      for key in ["attention.key_length", "attention.value_length"] {
        self["\(arch).\(key)"] = .u32(UInt32(head))
      }
    }
    for (key, name) in [
      ("attention.scale", "attention_multiplier"), ("embedding_scale", "embedding_multiplier"),
      ("residual_scale", "residual_multiplier"), ("logit_scale", "logits_scaling"),
      ("attn_logit_softcapping", "attn_logit_softcapping"),
      ("final_logit_softcapping", "final_logit_softcapping"),
    ] {
      if let value = float(name) { self["\(arch).\(key)"] = .f32(value) }
    }
    // It writes no windows of other architectures.
    for key in ["sliding_window", "sliding_window_pattern"]
    where arch == "phi3" || arch.hasPrefix("gemma") {
      guard let number = config[key] as? Int else { continue }
      self["\(arch).attention.\(key)"] = .u32(UInt32(number))
    }
    let rope = config["rope_scaling"] as? [String: Any] ?? [:]
    let inner = rope["original_max_position_embeddings"] as? Int
    let outer = config["original_max_position_embeddings"] as? Int
    if let original = inner ?? outer {
      self["\(arch).rope.scaling.original_context_length"] = .u32(UInt32(original))
    }
    if let share = config["partial_rotary_factor"] as? Double {
      let size = config["hidden_size"] as? Int ?? 0
      let heads = config["num_attention_heads"] as? Int ?? 1
      self["\(arch).rope.dimension_count"] = .u32(UInt32(Double(size / heads) * share))
    }
    let kind = rope["rope_type"] as? String ?? rope["type"] as? String
    if kind == "yarn" || kind == "linear" {
      self["\(arch).rope.scaling.type"] = .text(kind ?? "")
      self["\(arch).rope.scaling.factor"] = .f32(Float(rope["factor"] as? Double ?? 0))
    }
    for (key, name) in [("short_factor", "short"), ("long_factor", "long")] {
      guard let factors = rope[key] as? [Double] else { continue }
      tensors.append(
        .init(
          name: "rope_factors_\(name).weight", shape: [factors.count], type: 0,
          data: factors.flatMap { Self.little(Float($0).bitPattern) }))
    }
  }

  private mutating func addTokenizer(_ fixture: Fixture, _ pre: String) throws {
    let tokenizer = try Self.json(fixture, "tokenizer.json")
    let settings = try Self.json(fixture, "tokenizer_config.json")
    let model = tokenizer["model"] as? [String: Any] ?? [:]
    var tokens: [(text: String, id: Int, kind: Int32)] = []
    for (text, id) in model["vocab"] as? [String: Int] ?? [:] { tokens.append((text, id, 1)) }
    for added in tokenizer["added_tokens"] as? [[String: Any]] ?? [] {
      let isSpecial = added["special"] as? Bool == true
      tokens.append(
        (added["content"] as? String ?? "", added["id"] as? Int ?? 0, isSpecial ? 3 : 4))
    }
    tokens.sort { $0.id < $1.id }
    self["tokenizer.ggml.model"] = .text("gpt2")
    self["tokenizer.ggml.pre"] = .text(pre)
    self["tokenizer.ggml.tokens"] = .texts(tokens.map(\.text))
    self["tokenizer.ggml.token_type"] = .i32s(tokens.map(\.kind))
    let merges = model["merges"] as? [Any] ?? []
    self["tokenizer.ggml.merges"] = .texts(
      merges.map { ($0 as? String) ?? (($0 as? [String]) ?? []).joined(separator: " ") })
    for (key, name) in [("bos", "bos_token"), ("eos", "eos_token"), ("padding", "pad_token")] {
      let text =
        settings[name] as? String ?? (settings[name] as? [String: Any])?["content"] as? String
      guard let id = tokens.first(where: { $0.text == text })?.id else { continue }
      self["tokenizer.ggml.\(key)_token_id"] = .u32(UInt32(id))
    }
    self["tokenizer.ggml.add_bos_token"] = .flag(settings["add_bos_token"] as? Bool ?? false)
    self["tokenizer.chat_template"] = (settings["chat_template"] as? String).map { .text($0) }
  }

  private mutating func add(
    _ tensor: SafetensorsFile.Tensor, _ arch: String, _ heads: Int, _ keyHeads: Int
  ) {
    let name = Self.name(tensor.name, arch)
    let interleaved = ["llama", "smollm3", "granite"].contains(arch)
    guard tensor.shape.count == 2 else {
      var floats = tensor.floats
      let count = name.contains("attn_q.") ? heads : name.contains("attn_k.") ? keyHeads : 0
      if interleaved, count > 0 {
        let half = floats.count / count / 2
        floats = floats.indices.map { row in
          let (head, within) = (row / (2 * half), row % (2 * half))
          return tensor.floats[head * 2 * half + within % 2 * half + within / 2]
        }
      }
      // llama.cpp's converter adds what the class adds.
      if arch.hasPrefix("gemma") { floats = floats.map { $0 + 1 } }
      let data = floats.flatMap { Self.little($0.bitPattern) }
      tensors.append(.init(name: name, shape: tensor.shape, type: 0, data: data))
      return
    }
    var data = tensor.data
    let count = name.contains("attn_q.") ? heads : name.contains("attn_k.") ? keyHeads : 0
    if interleaved, count > 0 {
      // Row 2j + i of a head is the checkpoint's row i · half + j.
      let width = data.count / tensor.shape[0]
      let half = tensor.shape[0] / count / 2
      data = (0..<tensor.shape[0]).flatMap { row -> ArraySlice<UInt8> in
        let (head, within) = (row / (2 * half), row % (2 * half))
        let from = head * 2 * half + within % 2 * half + within / 2
        return tensor.data[from * width..<(from + 1) * width]
      }
    }
    let type: UInt32 = ["F32": 0, "F16": 1, "BF16": 30][tensor.type] ?? 0
    tensors.append(.init(name: name, shape: tensor.shape, type: type, data: data))
  }
}

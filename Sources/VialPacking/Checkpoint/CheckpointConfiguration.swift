// Owns: what `config.json` says about a checkpoint's shape, in transformers' older and newer
// layouts: defaults, limits and refusals.
// Must not: let pass what the runtime does not compute: everything that would change an answer
// silently is refused by name.
// Everything else in the file is ignored.

/// The architectures that can be packed.
enum Architecture: String, Sendable, Equatable {
  /// `Qwen2ForCausalLM`: biases on q, k and v.
  case qwen2
  /// `LlamaForCausalLM`: no biases.
  case llama

  /// The context that transformers' configuration class has where `config.json` names none, in
  /// tokens.
  var defaultContextLength: Int { self == .qwen2 ? 32768 : 2048 }

  /// The class name in `config.json`'s `architectures`.
  var className: String {
    switch self {
    case .qwen2: return "Qwen2ForCausalLM"
    case .llama: return "LlamaForCausalLM"
    }
  }
}

/// A checkpoint's shape and constants, validated: every size is positive and inside its limit, and
/// the products that the packer forms of them cannot overflow.
struct CheckpointConfiguration: Sendable, Equatable {
  var architecture: Architecture
  /// `_name_or_path` when it is a plain name, else nil.
  var modelName: String?
  var hiddenSize: Int
  var layerCount: Int
  var headCount: Int
  var kvHeadCount: Int
  var headDimension: Int
  var feedForwardSize: Int
  var vocabularySize: Int
  /// In tokens.
  var contextLength: Int
  var normEpsilon: Double
  var rotaryBase: Double
  var rotaryScaling: RotaryScaling
  /// Whether `lm_head` is the embedding.
  var tiedEmbedding: Bool
  var beginToken: Int?
  var endTokens: [Int]
  /// What is read otherwise than it stands there.
  var notices = PackNotices()

  /// Whether q, k and v have biases.
  var hasAttentionBias: Bool { architecture == .qwen2 }
}

extension CheckpointConfiguration {
  /// Reads a parsed `config.json`.
  init(_ settings: Settings) throws(PackingError) {
    architecture = try Self.architecture(settings)
    try Self.refuseUnsupported(settings)
    modelName = try Self.plainName(settings.string("_name_or_path"))
    hiddenSize = try settings.requiredSize("hidden_size", upTo: 1 << 18)
    layerCount = try settings.requiredSize("num_hidden_layers", upTo: 4096)
    headCount = try settings.requiredSize("num_attention_heads", upTo: 4096)
    kvHeadCount = try settings.size("num_key_value_heads", upTo: 4096) ?? headCount
    feedForwardSize = try settings.requiredSize("intermediate_size", upTo: 1 << 20)
    vocabularySize = try settings.requiredSize("vocab_size", upTo: 1 << 24)
    let context = try settings.size("max_position_embeddings", upTo: 1 << 30)
    contextLength = context ?? architecture.defaultContextLength
    normEpsilon = try settings.number("rms_norm_eps") ?? 1e-6
    tiedEmbedding = try settings.flag("tie_word_embeddings") ?? false
    beginToken = try settings.tokens("bos_token_id").first
    endTokens = try settings.tokens("eos_token_id")
    if let explicit = try settings.size("head_dim", upTo: 4096) {
      headDimension = explicit
    } else {
      guard hiddenSize % headCount == 0 else {
        throw settings.error(
          "hidden_size \(hiddenSize) is not a multiple of num_attention_heads \(headCount)")
      }
      headDimension = hiddenSize / headCount
    }
    let rotary = try RotarySettings(settings)
    (rotaryBase, rotaryScaling) = (rotary.base, rotary.scaling)
    notices = settings.notices + rotary.notices
    if context == nil {
      notices.differs(
        "config.json: no max_position_embeddings; \(contextLength) positions, as in transformers")
    }
    try checkRelations(settings)
  }

  private func checkRelations(_ settings: Settings) throws(PackingError) {
    guard headCount % kvHeadCount == 0 else {
      throw settings.error(
        "num_attention_heads \(headCount) is not a multiple of num_key_value_heads \(kvHeadCount)")
    }
    guard headDimension % 2 == 0, headDimension <= 4096 else {
      throw settings.error("head_dim \(headDimension) is odd or above 4096")
    }
    guard normEpsilon > 0, normEpsilon < 1 else {
      throw settings.error("rms_norm_eps is not between 0 and 1")
    }
  }

  private static func architecture(_ settings: Settings) throws(PackingError) -> Architecture {
    let names = try settings.strings("architectures")
    for name in names {
      switch name {
      case Architecture.qwen2.className: return .qwen2
      case Architecture.llama.className: return .llama
      default: break
      }
    }
    if let name = names.first {
      throw settings.error("unknown architecture \(PackingError.printable(name))")
    }
    switch try settings.string("model_type") {
    case "qwen2": return .qwen2
    case "llama": return .llama
    case let type?: throw settings.error("unknown model_type \(PackingError.printable(type))")
    case nil: throw settings.error("no `architectures` and no `model_type`")
    }
  }

  /// Refuses what would change the answers and is not computed here.
  private static func refuseUnsupported(_ settings: Settings) throws(PackingError) {
    // "swish" is transformers' other name of the same function.
    if let activation = try settings.string("hidden_act"), !["silu", "swish"].contains(activation) {
      throw settings.error(
        "hidden_act \(PackingError.printable(activation)) is not supported, only silu")
    }
    for name in ["use_sliding_window", "use_mrope", "attention_bias", "mlp_bias"]
    where try settings.flag(name) == true {
      throw settings.error("\(name) is true, which is not supported")
    }
    for type in try settings.strings("layer_types") where type != "full_attention" {
      throw settings.error(
        "layer_types has \(PackingError.printable(type)), only full_attention is supported")
    }
    if let factor = try settings.number("partial_rotary_factor"), factor != 1 {
      throw settings.error("partial_rotary_factor is not supported")
    }
  }

  /// A name fit for provenance: no path of the machine where the checkpoint was made.
  private static func plainName(_ text: String?) -> String? {
    guard let text, !text.isEmpty, text.utf8.count <= 200 else { return nil }
    let bytes = Array(text.utf8)
    let slashes = bytes.filter { $0 == UInt8(ascii: "/") }.count
    let isPlain = bytes.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") }
    guard isPlain, slashes <= 1, bytes[0] != UInt8(ascii: "/"), bytes[0] != UInt8(ascii: "."),
      bytes[0] != UInt8(ascii: "~")
    else { return nil }
    return text
  }
}

// Owns: what `config.json` says about a checkpoint's shape, in transformers' older and newer
// layouts: defaults, limits and refusals.
// Must not: let pass what the runtime does not compute: everything that would change an answer
// silently is refused by name.
// Everything else in the file is ignored.

import VialArchitectures
import VialFormat

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
  /// Which part of a head is rotated, from its first dimension on.
  var rotaryFraction = 1.0
  /// Of layers that rotate by the second frequencies; nil: there are none.
  var localRotary: RotarySettings.Table?
  /// Whether q, k and v have biases.
  var hasAttentionBias: Bool
  /// What layers do beyond the plainest ones; rotary tables excepted, which follow from the rest.
  var traits = LayerTraits()
  /// Whether `lm_head` is the embedding.
  var tiedEmbedding: Bool
  var beginToken: Int?
  var endTokens: [Int]
  /// What is read otherwise than it stands there.
  var notices = PackNotices()

  /// Dimensions of a head that are rotated.
  var rotaryDimension: Int { max(1, Int(Double(headDimension) * rotaryFraction)) }

  /// The inverse frequencies of positions.
  var inverseFrequencies: [Float] {
    rotaryScaling.inverseFrequencies(base: rotaryBase, headDimension: rotaryDimension)
  }

  /// `traits` with what follows from the rotary settings.
  var layerTraits: LayerTraits {
    var traits = traits
    traits.ropeMagnitude = rotaryScaling.magnitude
    if traits.rotaryTables?.contains(.second) == true {
      traits.secondInverseFrequencies = localRotary?.inverseFrequencies(rotaryDimension)
    }
    traits.longRope = rotaryScaling.longFrequencies(
      base: rotaryBase, headDimension: rotaryDimension
    ).map { .init(inverseFrequencies: $0.frequencies, above: $0.above) }
    return traits
  }

  /// Sizes, as shapes of tensors name them.
  var sizes: ArchitectureSizes {
    var presences: Set<Presence> = [.always]
    if hasAttentionBias { presences.insert(.attentionInputBias) }
    if traits.hasOutputBias { presences.insert(.attentionOutputBias) }
    if traits.hasFeedForwardBias { presences.insert(.feedForwardBias) }
    if !tiedEmbedding { presences.insert(.ownHead) }
    return ArchitectureSizes(
      layerCount: layerCount, hidden: hiddenSize, headCount: headCount,
      keyValueHeadCount: kvHeadCount, headDimension: headDimension, feedForward: feedForwardSize,
      vocabulary: vocabularySize, presences: presences)
  }
}

extension CheckpointConfiguration {
  /// Reads a parsed `config.json`. What is absent has transformers' default of that class.
  init(_ whole: Settings) throws(PackingError) {
    let (architecture, settings) = try ModelClass.find(whole)
    self.architecture = architecture
    let known = architecture.settings
    modelName = try Self.plainName(whole.string("_name_or_path"))
    hiddenSize = try settings.requiredSize(
      "hidden_size", upTo: 1 << 18, usual: known.sizes?.hidden)
    layerCount = try settings.requiredSize(
      "num_hidden_layers", upTo: 4096, usual: known.sizes?.layerCount)
    headCount = try settings.requiredSize(
      "num_attention_heads", upTo: 4096, usual: known.sizes?.headCount)
    let keyHeads = try settings.size("num_key_value_heads", upTo: 4096)
    let usualKeyHeads = settings.states("num_key_value_heads") ? nil : known.keyValueHeadCount
    kvHeadCount = keyHeads ?? usualKeyHeads ?? headCount
    feedForwardSize = try settings.requiredSize(
      "intermediate_size", upTo: 1 << 20, usual: known.sizes?.feedForward)
    vocabularySize = try settings.requiredSize(
      "vocab_size", upTo: 1 << 24, usual: known.sizes?.vocabulary)
    let context = try settings.size("max_position_embeddings", upTo: 1 << 30)
    contextLength = context ?? known.contextLength
    normEpsilon = try settings.number("rms_norm_eps") ?? known.normEpsilon
    tiedEmbedding = try whole.flag("tie_word_embeddings") ?? known.isTied
    beginToken = try (whole.has("bos_token_id") ? whole : settings).tokens("bos_token_id").first
    endTokens = try (whole.has("eos_token_id") ? whole : settings).tokens("eos_token_id")
    let usualDimension = settings.states("head_dim") ? nil : known.headDimension
    if let explicit = try settings.size("head_dim", upTo: 4096) ?? usualDimension {
      headDimension = explicit
    } else {
      guard hiddenSize % headCount == 0 else {
        throw settings.error(
          "hidden_size \(hiddenSize) is not a multiple of num_attention_heads \(headCount)")
      }
      headDimension = hiddenSize / headCount
    }
    let traits = TraitSettings(
      settings: settings, architecture: architecture, hiddenSize: hiddenSize,
      layerCount: layerCount, contextLength: contextLength)
    try traits.refuseUnsupported()
    hasAttentionBias = try traits.hasAttentionBias()
    let layers = try traits.layerTraits()
    self.traits = layers.traits
    let rotary = try RotarySettings(settings, known, contextLength: contextLength)
    (rotaryBase, rotaryScaling, rotaryFraction) = (rotary.base, rotary.scaling, rotary.fraction)
    localRotary = rotary.local
    notices = whole.notices + layers.notices + rotary.notices
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
    let pairCount = (rotaryDimension + 1) / 2
    if case .longRope(let rule) = rotaryScaling {
      for (key, factors) in [
        ("short_factor", rule.shortFactors), ("long_factor", rule.longFactors),
      ] where factors.count != pairCount {
        throw settings.error(
          "\(key) has \(factors.count) numbers, the heads need \(pairCount)")
      }
    }
    guard hasSoundFrequencies, pairCount * 2 <= headDimension else {
      throw settings.error("the rotary settings give frequencies beyond 0 to 1")
    }
  }

  /// Whether all inverse frequencies are such that a file can hold them.
  var hasSoundFrequencies: Bool {
    let traits = layerTraits
    let others = [traits.longRope?.inverseFrequencies, traits.secondInverseFrequencies]
    return (inverseFrequencies + others.flatMap { $0 ?? [] }).allSatisfy { $0 >= 0 && $0 <= 1 }
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

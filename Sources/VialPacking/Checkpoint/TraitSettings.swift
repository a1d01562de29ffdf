// Owns: what `config.json` says about the traits of layers: biases, multipliers, soft caps, which
// layers rotate and by what; and the refusal of traits that are not computed.
// Must not: let pass what would change an answer silently: it is refused by the key's name.
// Source: the configuration classes of transformers 5.23.

import VialArchitectures
import VialFormat
import VialText

/// Reads the traits of a parsed `config.json`.
struct TraitSettings {
  let settings: Settings
  let architecture: Architecture
  let hiddenSize: Int
  let layerCount: Int
  let contextLength: Int

  private var known: SettingsTraits { architecture.settings }

  /// Whether q, k and v have biases.
  func hasAttentionBias() throws(PackingError) -> Bool {
    switch architecture.traits.attentionBias {
    case .always: true
    case .never: false
    case .stated: try settings.flag("attention_bias") ?? false
    }
  }

  /// What layers do beyond the plainest ones, and what is read otherwise than it stands there.
  func layerTraits() throws(PackingError) -> (traits: LayerTraits, notices: PackNotices) {
    var traits = LayerTraits()
    if known.readsAttentionBias {
      traits.hasOutputBias = try settings.flag("attention_bias") ?? false
    }
    if known.readsFeedForwardBias {
      traits.hasFeedForwardBias = try settings.flag("mlp_bias") ?? false
    }
    try addMultipliers(&traits)
    traits.attentionSoftCap = try softCap("attn_logit_softcapping", known.attentionSoftCap)
    traits.logitSoftCap = try softCap("final_logit_softcapping", known.logitSoftCap)
    let notices = try addSight(&traits)
    return (traits, notices)
  }

  /// Granite's four multipliers, and the two of Gemma.
  private func addMultipliers(_ traits: inout LayerTraits) throws(PackingError) {
    if known.readsMultipliers {
      traits.attentionScale = try factor("attention_multiplier")
      traits.embeddingMultiplier = try factor("embedding_multiplier")
      traits.residualMultiplier = try factor("residual_multiplier")
      traits.logitMultiplier = 1 / (try factor("logits_scaling"))
    }
    if let usual = known.queryScalar {
      let key = "query_pre_attn_scalar"
      let scalar = settings.has(key) ? try settings.requiredFactor(key) : usual
      traits.attentionScale = 1 / scalar.squareRoot()
    }
    if architecture.traits.scalesEmbedding {
      traits.embeddingMultiplier = LayerTraits.embeddingScale(hiddenSize: hiddenSize)
    }
  }

  /// Windows, and by which frequencies layers rotate.
  private func addSight(_ traits: inout LayerTraits) throws(PackingError) -> PackNotices {
    let isRotated = known.readsRotatedLayers ? try rotatedLayers() : nil
    let sight = try WindowSettings(
      settings, architecture, layerCount: layerCount, contextLength: contextLength,
      isRotated: isRotated)
    traits.windows = sight.windows
    if let isRotated, isRotated.contains(false) {
      traits.rotaryTables = isRotated.map { $0 ? .first : .none }
    }
    if known.localRotaryBase != nil, sight.isSliding.contains(true) {
      traits.rotaryTables = sight.isSliding.map { $0 ? .second : .first }
    }
    return sight.notices
  }

  /// A soft cap; null is none, and without the key the class decides.
  private func softCap(
    _ key: String, _ class: SettingsTraits.SoftCap
  ) throws(PackingError) -> Double? {
    guard case .read(let usual) = `class` else { return nil }
    guard settings.states(key) else { return usual }
    return settings.has(key) ? try settings.requiredFactor(key) : nil
  }

  /// A multiplier; 1 without it.
  private func factor(_ key: String) throws(PackingError) -> Double {
    settings.has(key) ? try settings.requiredFactor(key) : 1
  }

  /// `no_rope_layers`, whose ones are layers that do rotate.
  private func rotatedLayers() throws(PackingError) -> [Bool] {
    guard let value = settings.value("no_rope_layers") else {
      let interval = try settings.size("no_rope_layer_interval", upTo: 1 << 20) ?? 4
      return (1...layerCount).map { $0 % interval != 0 }
    }
    guard let array = value.array else {
      throw settings.error("no_rope_layers is not a list of 0 and 1")
    }
    guard array.count == layerCount else {
      throw settings.error(
        "no_rope_layers has \(array.count) entries, the model \(layerCount) layers")
    }
    var layers: [Bool] = []
    for element in array {
      guard let flag = element.integer, flag == 0 || flag == 1 else {
        throw settings.error("no_rope_layers is not a list of 0 and 1")
      }
      layers.append(flag == 1)
    }
    return layers
  }

  // MARK: Refusals

  /// Refuses what would change the answers and is not computed here.
  func refuseUnsupported() throws(PackingError) {
    let key = known.activationKey
    if let activation = try settings.string(key), !known.activationNames.contains(activation) {
      let usual = architecture.traits.activation == .silu ? "silu" : "gelu_pytorch_tanh"
      throw settings.error(
        "\(key) \(PackingError.printable(activation)) is not supported, only \(usual)")
    }
    var flags = ["use_mrope", "use_bidirectional_attention"]
    if !known.readsAttentionBias { flags.append("attention_bias") }
    if !known.readsFeedForwardBias { flags.append("mlp_bias") }
    for name in flags where try settings.flag(name) == true {
      throw settings.error("\(name) is true, which is not supported")
    }
    var others = ["num_experts", "num_local_experts", "clip_qkv"]
    if known.queryScalar == nil { others.append("query_pre_attn_scalar") }
    if known.attentionSoftCap == .unread { others.append("attn_logit_softcapping") }
    if known.logitSoftCap == .unread { others.append("final_logit_softcapping") }
    for name in others {
      guard let value = try settings.number(name), value != 0 else { continue }
      let text = Int(exactly: value).map { "\($0)" } ?? "\(value)"
      throw settings.error("\(name) is \(text), which is not supported")
    }
  }
}

extension LayerTraits {
  /// What embedding rows of Gemma are multiplied by: a root that transformers holds in the model's
  /// type, here f32.
  static func embeddingScale(hiddenSize: Int) -> Double {
    Double(Float(Double(hiddenSize).squareRoot()))
  }
}

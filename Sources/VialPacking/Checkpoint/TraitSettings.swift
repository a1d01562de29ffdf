// Owns: what `config.json` says about the traits of layers: biases, multipliers, which layers
// rotate; and the refusal of traits that are not computed.
// Must not: let pass what would change an answer silently: it is refused by the key's name.
// Source: the configuration classes of transformers 5.23.

import VialArchitectures
import VialFormat
import VialText

/// Reads the traits of a parsed `config.json`.
struct TraitSettings {
  let settings: Settings
  let architecture: Architecture
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

  /// What layers do beyond the plainest ones.
  func layerTraits() throws(PackingError) -> LayerTraits {
    var traits = LayerTraits()
    if known.readsAttentionBias {
      traits.hasOutputBias = try settings.flag("attention_bias") ?? false
    }
    if known.readsFeedForwardBias {
      traits.hasFeedForwardBias = try settings.flag("mlp_bias") ?? false
    }
    if known.readsMultipliers {
      traits.attentionScale = try factor("attention_multiplier")
      traits.embeddingMultiplier = try factor("embedding_multiplier")
      traits.residualMultiplier = try factor("residual_multiplier")
      traits.logitMultiplier = 1 / (try factor("logits_scaling"))
    }
    if known.readsRotatedLayers {
      let layers = try rotatedLayers()
      traits.rotaryTables = layers.allSatisfy { $0 } ? nil : layers.map { $0 ? .first : .none }
    }
    return traits
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
    // "swish" is transformers' other name of the same function.
    if let activation = try settings.string("hidden_act"), !["silu", "swish"].contains(activation) {
      throw settings.error(
        "hidden_act \(PackingError.printable(activation)) is not supported, only silu")
    }
    var flags = ["use_mrope"]
    if !known.readsAttentionBias { flags.append("attention_bias") }
    if !known.readsFeedForwardBias { flags.append("mlp_bias") }
    for name in flags where try settings.flag(name) == true {
      throw settings.error("\(name) is true, which is not supported")
    }
    let others = [
      "attn_logit_softcapping", "final_logit_softcapping", "num_experts", "num_local_experts",
      "clip_qkv", "query_pre_attn_scalar",
    ]
    for name in others {
      guard let value = try settings.number(name), value != 0 else { continue }
      let text = Int(exactly: value).map { "\($0)" } ?? "\(value)"
      throw settings.error("\(name) is \(text), which is not supported")
    }
    try refuseWindows()
  }

  /// Layers that do not see everything.
  private func refuseWindows() throws(PackingError) {
    let types = try settings.strings("layer_types")
    guard types.isEmpty || types.count == layerCount else {
      throw settings.error(
        "layer_types has \(types.count) entries, the model \(layerCount) layers")
    }
    for type in types where type != "full_attention" {
      throw settings.error(
        "layer_types has \(PackingError.printable(type)), only full_attention is supported")
    }
    let isFlagged = try settings.flag("use_sliding_window") == true
    switch known.windows {
    case .stated: break
    case .flagged where isFlagged: break
    case .none where isFlagged:
      throw settings.error("use_sliding_window is true, which is not supported")
    // The class does not read a window here.
    case .none, .flagged, .everyOther: return
    }
    let stated = try settings.size("sliding_window", upTo: 1 << 30)
    let window = settings.states("sliding_window") ? stated : known.slidingWindow
    // One that is as long as the context hides nothing.
    guard let window, window < contextLength else { return }
    let cause = isFlagged ? "use_sliding_window is true with a" : "there is a"
    throw settings.error(
      "\(cause) sliding_window of \(window) for \(contextLength) positions, which is not supported;"
        + " one of max_position_embeddings or more, or null, is")
  }
}

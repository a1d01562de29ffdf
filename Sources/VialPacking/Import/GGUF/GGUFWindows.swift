// Owns: what GGUF metadata says about windows, soft caps and Gemma's multipliers, and what
// llama.cpp has in its code instead.
// Must not: take a window for an architecture whose layers with one are not known.
// Source: llama.cpp, `load_arch_hparams` of gemma2, gemma3 and phi3.

import VialArchitectures
import VialFormat

extension GGUFKeys {
  private static let windowKey = "attention.sliding_window"

  /// `attention.sliding_window`, or the class's own; nil for none.
  private func window() throws(PackingError) -> Int? {
    let stated = try file.integer(prefix + Self.windowKey, 0...Int(Int32.max))
    if let stated { return stated == 0 ? nil : stated }
    // llama.cpp has Gemma 2's in its code.
    return architecture == .gemma2 ? architecture.settings.slidingWindow : nil
  }

  /// Whether every layer has the window. llama.cpp calls Mistral `llama`, and computes neither its
  /// windows nor Phi-3's; their makers' classes do.
  private var allLayersSlide: Bool {
    architecture == .llama || architecture.settings.windows == .all
  }

  /// Refuses a window of other architectures; one as long as the context hides nothing.
  func refuseWindows(contextLength: Int, base: Double) throws(PackingError) {
    if architecture.settings.localRotaryBase == nil,
      let other = try self.base("rope.freq_base_swa"), other != base
    {
      throw file.error("\(prefix)rope.freq_base_swa is \(other), which is not supported")
    }
    if allLayersSlide { return }
    if case .allBut = architecture.settings.windows { return }
    guard let window = try window(), window < contextLength else { return }
    throw file.error("\(prefix)\(Self.windowKey) is \(window), which is not supported")
  }

  /// Adds windows, and which layers rotate by a second base.
  /// - Returns: that base; nil when there is none.
  func addWindows(
    _ traits: inout LayerTraits, layerCount: Int, contextLength: Int
  ) throws(PackingError) -> RotarySettings.Table? {
    guard let window = try window(), let isSliding = try slidingLayers(layerCount) else {
      return nil
    }
    if window < contextLength, isSliding.contains(true) {
      traits.windows = isSliding.map { $0 ? window : 0 }
    }
    guard let usual = architecture.settings.localRotaryBase, isSliding.contains(true) else {
      return nil
    }
    traits.rotaryTables = isSliding.map { $0 ? .second : .first }
    return .init(base: try base("rope.freq_base_swa") ?? usual, scaling: .none)
  }

  /// Which layers have the window; nil where no architecture says so.
  private func slidingLayers(_ layerCount: Int) throws(PackingError) -> [Bool]? {
    if allLayersSlide { return Array(repeating: true, count: layerCount) }
    guard case .allBut(let usual, _) = architecture.settings.windows else { return nil }
    let key = prefix + Self.windowKey + "_pattern"
    if case .array(let flags)? = file.value(key) {
      guard flags.count == layerCount else {
        throw file.error("\(key) has \(flags.count) entries, the model \(layerCount) layers")
      }
      return flags.map(\.isTrue)
    }
    let period = try file.integer(key, 1...Int(Int32.max)) ?? usual
    return (1...layerCount).map { $0 % period != 0 }
  }

  /// Adds what Gemma's layers do, most of which no key states.
  func addGemma(
    _ traits: inout LayerTraits, hidden: Int, heads: Int, head: Int, layers: Int
  ) throws(PackingError) {
    let known = architecture.settings
    if known.queryScalar != nil {
      // The models of 27 billion parameters, which llama.cpp knows by their layers, divide scores
      // by another root.
      let isLargest = layers == (architecture == .gemma2 ? 46 : 62)
      let scalar = isLargest ? max(1, hidden / heads) : head
      traits.attentionScale = 1 / Double(scalar).squareRoot()
    }
    if architecture.traits.scalesEmbedding {
      traits.embeddingMultiplier = LayerTraits.embeddingScale(hiddenSize: hidden)
    }
    traits.attentionSoftCap = try softCap("attn_logit_softcapping", known.attentionSoftCap)
    traits.logitSoftCap = try softCap("final_logit_softcapping", known.logitSoftCap)
  }

  /// A soft cap; 0 is none, and without the key the class decides.
  private func softCap(
    _ key: String, _ class: SettingsTraits.SoftCap
  ) throws(PackingError) -> Double? {
    guard case .read(let usual) = `class` else { return nil }
    guard file.value(prefix + key) != nil else { return usual }
    return try factor(key)
  }
}

extension GGUFValue {
  /// A flag, or a number that stands for one.
  fileprivate var isTrue: Bool {
    switch self {
    case .flag(let flag): flag
    case .integer(let number): number != 0
    default: false
    }
  }
}

// Owns: what `config.json` says about rotary positions, in the older layout (rope_theta,
// rope_scaling), the newer one (rope_parameters, also by layer type), or both at once: which of
// them holds; and the second base of classes whose sliding layers rotate otherwise.
// Must not: accept a rule that is not computed.
// Source: transformers 5.23, `RotaryEmbeddingConfigMixin.convert_rope_params_to_dict`, and that of
// Gemma3TextConfig.

import VialArchitectures
import VialNumerics
import VialText

/// The base and the scaling rule.
struct RotarySettings {
  let base: Double
  let scaling: RotaryScaling
  /// Which part of a head is rotated, from its first dimension on.
  let fraction: Double
  /// Of layers of sliding attention, where the class has others for them.
  let local: Table?
  /// What is read otherwise than it stands there.
  private(set) var notices = PackNotices()

  /// A base with its scaling rule.
  struct Table: Sendable, Equatable {
    var base: Double
    var scaling: RotaryScaling

    /// One for each pair of rotated dimensions.
    func inverseFrequencies(_ dimension: Int) -> [Float] {
      scaling.inverseFrequencies(base: base, headDimension: dimension)
    }
  }

  /// Reads a parsed `config.json`. Where both layouts are there, `rope_scaling` wins, and the base
  /// that stands in the other one goes with it.
  /// - Parameter contextLength: positions that the model is for.
  init(
    _ settings: Settings, _ traits: SettingsTraits, contextLength: Int
  ) throws(PackingError) {
    if let localBase = traits.localRotaryBase {
      self = try RotarySettings(
        settings, traits, localBase: localBase, contextLength: contextLength)
      return
    }
    local = nil
    let newer = try Self.ofFullAttention(settings.object("rope_parameters"))
    var older = try Self.ofFullAttention(settings.object("rope_scaling"))
    if older?.allMembers.isEmpty == true { older = nil }
    let nested = older ?? newer
    let nestedBase = try nested?.number("rope_theta")
    let plainBase = try settings.number("rope_theta")
    base = nestedBase ?? plainBase ?? traits.rotaryBase
    guard base >= 1, base <= 1e15 else { throw settings.error("rope_theta is out of range") }
    if older != nil, let newer {
      let otherBase = try newer.number("rope_theta") ?? base
      let bases =
        otherBase == base
        ? "" : ", with rope_theta \(base), not the \(otherBase) of rope_parameters"
      notices.differs(
        "config.json: rope_scaling and rope_parameters are both there; rope_scaling holds\(bases), as in"
          + " transformers")
    }
    var rules = RotaryRules(
      settings: settings, nested: nested, traits: traits, contextLength: contextLength)
    let stated = try rules.fraction()
    scaling = try rules.scaling(fraction: stated)
    if case .proportional = scaling { fraction = 1 } else { fraction = stated }
    if let nested, scaling == .none, nested.has("factor"), !rules.isDynamic {
      notices.differs(
        "\(nested.fileName): a factor without a type; positions are not stretched, as in transformers"
      )
    }
  }

  /// Gemma 3's: `rope_scaling` is laid over what layers that see everything have, and those of
  /// sliding attention are not scaled by it.
  private init(
    _ settings: Settings, _ traits: SettingsTraits, localBase: Double, contextLength: Int
  ) throws(PackingError) {
    let nested = try LayerTypeSettings(settings)
    func table(_ nested: Settings, _ key: String, _ usual: Double) throws(PackingError) -> Table {
      let (inner, outer) = (try nested.number("rope_theta"), try settings.number(key))
      let base = inner ?? outer ?? usual
      guard base >= 1, base <= 1e15 else {
        throw settings.error("\(inner == nil ? key : "rope_theta") is out of range")
      }
      var rules = RotaryRules(
        settings: settings, nested: nested, traits: traits, contextLength: contextLength)
      return Table(base: base, scaling: try rules.scaling(fraction: rules.fraction()))
    }
    let first = try table(nested.full, "rope_theta", traits.rotaryBase)
    let second = try table(nested.sliding, "rope_local_base_freq", localBase)
    (base, scaling, fraction, local) = (first.base, first.scaling, 1, second)
    notices = nested.notices
    guard second.scaling.magnitude == 1 else {
      throw nested.sliding.error("a rope type with an attention factor is not supported here")
    }
    if case .longRope = second.scaling {
      throw nested.sliding.error("rope type longrope is not supported here")
    }
  }

  /// The settings of layers that see everything, where they are given by layer type.
  private static func ofFullAttention(_ nested: Settings?) throws(PackingError) -> Settings? {
    guard let nested, let own = try nested.object("full_attention", orNil: true) else {
      return nested
    }
    return own
  }
}

/// Rotary settings by layer type, as Gemma 3's class puts them together.
private struct LayerTypeSettings {
  /// Of layers that see everything, and of those of sliding attention.
  let full, sliding: Settings
  /// What is not read.
  private(set) var notices = PackNotices()

  init(_ settings: Settings) throws(PackingError) {
    let plain = Settings(JSONObject([("rope_type", "default")]), fileName: settings.fileName)
    let newer = try settings.object("rope_parameters")
    let older = try settings.object("rope_scaling")
    let isNewer = try Self.isByLayerType(newer)
    let isOlder = isNewer ? false : try Self.isByLayerType(older)
    let byType = isNewer ? newer : isOlder ? older : nil
    sliding = try byType?.object("sliding_attention") ?? plain
    var full = try byType?.object("full_attention") ?? plain
    if let older, !isOlder { full = full.overlaid(by: older) }
    self.full = full
    if let newer, !isNewer, !newer.allMembers.isEmpty {
      notices.differs("\(newer.fileName) is not by layer type, and not read, as in transformers")
    }
    if full.has("factor"), try full.string("rope_type") ?? "default" == "default" {
      notices.differs(
        "\(full.fileName): a factor without a rope_type; positions are not stretched, as in"
          + " transformers")
    }
  }

  private static func isByLayerType(_ nested: Settings?) throws(PackingError) -> Bool {
    guard let nested else { return false }
    let full = try nested.object("full_attention", orNil: true)
    let sliding = try nested.object("sliding_attention", orNil: true)
    return full != nil || sliding != nil
  }
}

/// The scaling rules, by their names in transformers.
private struct RotaryRules {
  let settings: Settings
  let nested: Settings?
  let traits: SettingsTraits
  let contextLength: Int
  /// Whether the rule is one that depends on texts beyond the context, which there are none of.
  private(set) var isDynamic = false

  init(settings: Settings, nested: Settings?, traits: SettingsTraits, contextLength: Int) {
    self.settings = settings
    self.nested = nested
    self.traits = traits
    self.contextLength = contextLength
  }

  /// `partial_rotary_factor`, which only some classes read; 1 without it.
  func fraction() throws(PackingError) -> Double {
    let inner = try nested?.number("partial_rotary_factor")
    let outer = try settings.number("partial_rotary_factor")
    let fraction = inner ?? outer ?? 1
    guard fraction != 1 else { return 1 }
    let isProportional = try name() == "proportional"
    guard traits.readsRotaryFraction || isProportional else {
      throw settings.error(
        "partial_rotary_factor \(fraction) is not supported for this architecture")
    }
    guard fraction > 0, fraction < 1 else {
      throw settings.error("partial_rotary_factor \(fraction) is not between 0 and 1")
    }
    return fraction
  }

  /// The rule's name: the newer key's, or the older one's.
  private func name() throws(PackingError) -> String {
    let (newer, older) = (try nested?.string("rope_type"), try nested?.string("type"))
    let name = newer ?? older ?? "default"
    // Phi-3's earlier files call its rule so.
    if traits.originalContextLength != nil, name == "su" || name == "yarn" { return "longrope" }
    return name
  }

  mutating func scaling(fraction: Double) throws(PackingError) -> RotaryScaling {
    guard let nested else { return .none }
    switch try name() {
    case "default": return .none
    case "dynamic":
      // It changes texts beyond the context only.
      _ = try nested.requiredFactor("factor")
      isDynamic = true
      return .none
    case "linear": return .linear(factor: try nested.requiredFactor("factor"))
    case "llama3": return .llama3(try llama3(nested))
    case "yarn": return .yarn(try yarn(nested))
    case "longrope": return .longRope(try longRope(nested, fraction: fraction))
    case "proportional":
      let factor = nested.has("factor") ? try nested.requiredFactor("factor") : 1
      return .proportional(factor: factor, fraction: fraction)
    case let other:
      throw settings.error(
        "rope type \(PackingError.printable(other)) is not supported (default, linear, dynamic, yarn,"
          + " longrope, llama3, proportional)")
    }
  }

  private func llama3(_ nested: Settings) throws(PackingError) -> RotaryScaling.Llama3 {
    let rule = RotaryScaling.Llama3(
      factor: try nested.requiredFactor("factor"),
      lowFrequencyFactor: try nested.requiredFactor("low_freq_factor"),
      highFrequencyFactor: try nested.requiredFactor("high_freq_factor"),
      originalContextLength: try nested.requiredFactor("original_max_position_embeddings"))
    guard rule.highFrequencyFactor > rule.lowFrequencyFactor else {
      throw nested.error("high_freq_factor is not above low_freq_factor")
    }
    return rule
  }

  private func yarn(_ nested: Settings) throws(PackingError) -> RotaryScaling.YaRN {
    let original = try originalContextLength(nested)
    let factor =
      nested.has("factor")
      ? try nested.requiredFactor("factor") : Double(contextLength) / original
    var magnitude = RotaryScaling.YaRN.magnitude(factor: factor)
    let (scale, scaleAll) = (
      try nested.number("mscale") ?? 0, try nested.number("mscale_all_dim") ?? 0
    )
    if scale != 0, scaleAll != 0 {
      magnitude =
        RotaryScaling.YaRN.magnitude(factor: factor, scale: scale)
        / RotaryScaling.YaRN.magnitude(factor: factor, scale: scaleAll)
    }
    var rule = RotaryScaling.YaRN(
      factor: factor, originalContextLength: original,
      magnitude: try statedMagnitude(nested) ?? magnitude)
    if let fast = try nested.number("beta_fast"), fast != 0 { rule.fastTurns = fast }
    if let slow = try nested.number("beta_slow"), slow != 0 { rule.slowTurns = slow }
    rule.truncates = try nested.flag("truncate") ?? true
    guard rule.fastTurns > 0, rule.slowTurns > 0, rule.fastTurns <= 0x1p40, rule.slowTurns <= 0x1p40
    else { throw nested.error("beta_fast or beta_slow is out of range") }
    return rule
  }

  private func longRope(
    _ nested: Settings, fraction: Double
  ) throws(PackingError) -> RotaryScaling.LongRope {
    let original = try originalContextLength(nested)
    let factor =
      nested.has("factor")
      ? try nested.requiredFactor("factor") : Double(contextLength) / original
    let usual =
      factor <= 1
      ? 1 : (1 + DoubleFunctions.log(factor) / DoubleFunctions.log(original)).squareRoot()
    return RotaryScaling.LongRope(
      shortFactors: try factors("short_factor", nested),
      longFactors: try factors("long_factor", nested),
      originalContextLength: Int(original), magnitude: try statedMagnitude(nested) ?? usual)
  }

  private func factors(_ key: String, _ nested: Settings) throws(PackingError) -> [Float] {
    guard let array = nested.value(key)?.array, array.count <= 4096 else {
      throw nested.error("\(key) is not a list of numbers")
    }
    var factors: [Float] = []
    for element in array {
      guard let number = element.number, number >= 0x1p-20, number <= 0x1p40 else {
        throw nested.error("\(key) is not a list of numbers from 2^-20 to 2^40")
      }
      factors.append(Float(number))
    }
    return factors
  }

  /// Tokens before the stretch: beside the rule for the classes that have it there, else in it,
  /// else the model's positions.
  private func originalContextLength(_ nested: Settings) throws(PackingError) -> Double {
    let key = "original_max_position_embeddings"
    let beside = try settings.size(key, upTo: 1 << 30) ?? traits.originalContextLength
    let inside = try nested.size(key, upTo: 1 << 30)
    let length = beside ?? inside ?? contextLength
    guard length > 1 else { throw nested.error("\(key) is 1") }
    return Double(length)
  }

  private func statedMagnitude(_ nested: Settings) throws(PackingError) -> Double? {
    guard nested.has("attention_factor") else { return nil }
    return try nested.requiredFactor("attention_factor")
  }
}

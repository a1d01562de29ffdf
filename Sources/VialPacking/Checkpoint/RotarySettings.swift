// Owns: what `config.json` says about rotary positions, in the older layout (rope_theta,
// rope_scaling), the newer one (rope_parameters), or both at once: which of them holds.
// Must not: accept a rule that is not computed.
// Source: transformers 5.23, `RotaryEmbeddingConfigMixin.convert_rope_params_to_dict`.

/// The base and the scaling rule.
struct RotarySettings {
  let base: Double
  let scaling: RotaryScaling
  /// What is read otherwise than it stands there.
  private(set) var notices = PackNotices()

  /// Reads a parsed `config.json`. Where both layouts are there, `rope_scaling` wins, and the base
  /// that stands in the other one goes with it.
  init(_ settings: Settings) throws(PackingError) {
    let newer = try settings.object("rope_parameters")
    var older = try settings.object("rope_scaling")
    if older?.allMembers.isEmpty == true { older = nil }
    let nested = older ?? newer
    let nestedBase = try nested?.number("rope_theta")
    let plainBase = try settings.number("rope_theta")
    base = nestedBase ?? plainBase ?? 10000
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
    scaling =
      try nested.map { nested throws(PackingError) in
        try Self.rule(nested, settings)
      } ?? .none
    if let nested, scaling == .none, nested.has("factor") {
      notices.differs(
        "\(nested.fileName): a factor without a type; positions are not stretched, as in transformers"
      )
    }
  }

  private static func rule(
    _ nested: Settings, _ settings: Settings
  ) throws(PackingError) -> RotaryScaling {
    if let factor = try nested.number("partial_rotary_factor"), factor != 1 {
      throw settings.error("partial_rotary_factor is not supported")
    }
    let (newType, oldType) = (try nested.string("rope_type"), try nested.string("type"))
    switch newType ?? oldType ?? "default" {
    case "default": return .none
    case "linear": return .linear(factor: try nested.requiredFactor("factor"))
    case "llama3":
      let rule = RotaryScaling.Llama3(
        factor: try nested.requiredFactor("factor"),
        lowFrequencyFactor: try nested.requiredFactor("low_freq_factor"),
        highFrequencyFactor: try nested.requiredFactor("high_freq_factor"),
        originalContextLength: try nested.requiredFactor("original_max_position_embeddings"))
      guard rule.highFrequencyFactor > rule.lowFrequencyFactor else {
        throw nested.error("high_freq_factor is not above low_freq_factor")
      }
      return .llama3(rule)
    case let other:
      throw settings.error(
        "rope type \(PackingError.printable(other)) is not supported (default, linear, llama3)")
    }
  }
}

// Owns: what the layers of a model do beyond the plainest decoder's (Llama's), as its configuration
// states it, and the keys of these traits.
// Must not: compute, or know which architecture has which trait.
// Source: Spec/FORMAT.md, "Layer traits".

/// Traits of a model's layers. The defaults are those of a file without any of the keys.
package struct LayerTraits: Equatable, Sendable {
  /// Whether the output projection of attention has a bias.
  package var hasOutputBias = false
  /// Whether gate, up and down projections have biases.
  package var hasFeedForwardBias = false
  /// What scores of attention are multiplied by; nil: the reciprocal of the head dimension's root.
  package var attentionScale: Double?
  /// What embedding rows are multiplied by.
  package var embeddingMultiplier = 1.0
  /// What attention and feed-forward parts are multiplied by before they are added.
  package var residualMultiplier = 1.0
  /// What logits are multiplied by.
  package var logitMultiplier = 1.0
  /// What cosines and sines of rotary positions are multiplied by.
  package var ropeMagnitude = 1.0
  /// By which inverse frequencies each layer rotates its queries and keys; nil: all by the first.
  package var rotaryTables: [RotaryTable]?
  /// The second inverse frequencies; nil: no layer has them.
  package var secondInverseFrequencies: [Float]?
  /// How many positions, the last ones, each layer sees; 0: all. nil: all layers see all.
  package var windows: [Int]?
  /// What scores of attention, in natural units, stay below: cap · tanh(score ÷ cap); nil: they
  /// stay as they are.
  package var attentionSoftCap: Double?
  /// The same of logits, behind their multiplier.
  package var logitSoftCap: Double?
  /// Other inverse frequencies for long texts; nil: the same for all.
  package var longRope: LongRope?

  /// How a layer rotates queries and keys. Raw values are those of `rope.layers`.
  package enum RotaryTable: UInt64, Sendable {
    /// It does not.
    case none
    /// By `rope.inverse_frequencies`, and `rope.magnitude`.
    case first
    /// By `rope.second.inverse_frequencies`.
    case second
  }

  /// The inverse frequencies of texts beyond a length.
  package struct LongRope: Equatable, Sendable {
    /// As many as the others, already scaled.
    package var inverseFrequencies: [Float]
    /// The most positions of a text for which the others hold.
    package var above: Int

    package init(inverseFrequencies: [Float], above: Int) {
      self.inverseFrequencies = inverseFrequencies
      self.above = above
    }
  }

  /// No trait beyond the plainest.
  package init() {}

  private static let factors = 0x1p-40...0x1p40

  /// Reads the keys of traits, all of which are optional.
  init(_ fields: ConfigurationFields, layerCount: Int) throws(FormatError) {
    hasOutputBias = try fields.optionalBool("attention.output_bias") ?? false
    hasFeedForwardBias = try fields.optionalBool("feed_forward.bias") ?? false
    attentionScale = try fields.optionalFactor("attention.scale", Self.factors)
    embeddingMultiplier = try fields.optionalFactor("embedding.multiplier", Self.factors) ?? 1
    residualMultiplier = try fields.optionalFactor("residual.multiplier", Self.factors) ?? 1
    logitMultiplier = try fields.optionalFactor("logits.multiplier", Self.factors) ?? 1
    ropeMagnitude = try fields.optionalFactor("rope.magnitude", Self.factors) ?? 1
    attentionSoftCap = try fields.optionalFactor("attention.soft_cap", Self.factors)
    logitSoftCap = try fields.optionalFactor("logits.soft_cap", Self.factors)
    rotaryTables = try fields.optionalTables("rope.layers", count: layerCount)
    secondInverseFrequencies = try fields.optionalFloats("rope.second.inverse_frequencies")
    windows = try fields.optionalWindows("attention.windows", count: layerCount)
    guard (secondInverseFrequencies ?? []).allSatisfy({ $0 >= 0 && $0 <= 1 }) else {
      throw fields.error(
        rule: 318, "rope.second.inverse_frequencies", "inverse frequencies are wrong")
    }
    if secondInverseFrequencies == nil, rotaryTables?.contains(.second) == true {
      throw fields.error(
        rule: 318, "rope.layers", "a layer has the second frequencies, which are not there")
    }
    let above = try fields.optionalSize("rope.long.above", FormatLimits.contextLength)
    let frequencies = try fields.optionalFloats("rope.long.inverse_frequencies")
    switch (frequencies, above) {
    case (nil, nil): break
    case (let frequencies?, let above?):
      guard frequencies.allSatisfy({ $0 >= 0 && $0 <= 1 }) else {
        throw fields.error(
          rule: 318, "rope.long.inverse_frequencies", "inverse frequencies are wrong")
      }
      longRope = LongRope(inverseFrequencies: frequencies, above: above)
    default:
      throw fields.error(
        rule: 318, above == nil ? "rope.long.inverse_frequencies" : "rope.long.above",
        "frequencies of long texts without a length, or the reverse")
    }
  }

  /// Adds the keys of all traits that differ from the defaults.
  func encode(into builder: inout KeyValueBuilder) {
    if hasOutputBias { builder["attention.output_bias"] = .bool(true) }
    if hasFeedForwardBias { builder["feed_forward.bias"] = .bool(true) }
    builder["attention.scale"] = attentionScale.map { .float($0) }
    func encode(_ factor: Double, as key: String) {
      if factor != 1 { builder[key] = .float(factor) }
    }
    encode(embeddingMultiplier, as: "embedding.multiplier")
    encode(residualMultiplier, as: "residual.multiplier")
    encode(logitMultiplier, as: "logits.multiplier")
    encode(ropeMagnitude, as: "rope.magnitude")
    builder["attention.soft_cap"] = attentionSoftCap.map { .float($0) }
    builder["logits.soft_cap"] = logitSoftCap.map { .float($0) }
    builder["rope.layers"] = rotaryTables.map { .unsignedArray($0.map(\.rawValue)) }
    builder["rope.second.inverse_frequencies"] = secondInverseFrequencies.map { .floatArray($0) }
    builder["attention.windows"] = windows.map { .unsignedArray($0.map { UInt64(clamping: $0) }) }
    builder["rope.long.inverse_frequencies"] = longRope.map { .floatArray($0.inverseFrequencies) }
    builder["rope.long.above"] = longRope.map { .unsigned(UInt64(clamping: $0.above)) }
  }
}

extension ConfigurationFields {
  fileprivate func wrongType(_ key: String) -> FormatError {
    error(rule: 319, key, "a layer trait has the wrong type or is out of range")
  }

  fileprivate func optionalBool(_ key: String) throws(FormatError) -> Bool? {
    guard let value = table[key] else { return nil }
    guard case .bool(let flag) = value else { throw wrongType(key) }
    return flag
  }

  fileprivate func optionalFactor(
    _ key: String, _ range: ClosedRange<Double>
  ) throws(FormatError) -> Double? {
    guard let value = table[key] else { return nil }
    guard case .float(let factor) = value, range.contains(factor) else { throw wrongType(key) }
    return factor
  }

  fileprivate func optionalSize(_ key: String, _ limit: UInt64) throws(FormatError) -> Int? {
    guard let value = table[key] else { return nil }
    guard case .unsigned(let size) = value, size >= 1, size <= limit else { throw wrongType(key) }
    return Int(size)
  }

  fileprivate func optionalFloats(_ key: String) throws(FormatError) -> [Float]? {
    guard let value = table[key] else { return nil }
    guard case .floatArray(let floats) = value else { throw wrongType(key) }
    return floats
  }

  /// `count` numbers up to a limit.
  private func optionalNumbers(
    _ key: String, count: Int, upTo limit: UInt64
  ) throws(FormatError) -> [UInt64]? {
    guard let value = table[key] else { return nil }
    guard case .unsignedArray(let numbers) = value, numbers.count == count,
      numbers.allSatisfy({ $0 <= limit })
    else { throw wrongType(key) }
    return numbers
  }

  fileprivate func optionalTables(
    _ key: String, count: Int
  ) throws(FormatError) -> [LayerTraits.RotaryTable]? {
    try optionalNumbers(key, count: count, upTo: 2)?.compactMap { .init(rawValue: $0) }
  }

  fileprivate func optionalWindows(_ key: String, count: Int) throws(FormatError) -> [Int]? {
    let numbers = try optionalNumbers(key, count: count, upTo: FormatLimits.contextLength)
    guard let numbers else { return nil }
    guard Set(numbers).count <= FormatLimits.windowKindCount else { throw wrongType(key) }
    return numbers.map { Int($0) }
  }
}

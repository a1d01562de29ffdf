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
  /// Whether each layer rotates its queries and keys; nil: all do.
  package var rotatedLayers: [Bool]?
  /// Other inverse frequencies for long texts; nil: the same for all.
  package var longRope: LongRope?

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
    rotatedLayers = try fields.optionalFlags("rope.layers", count: layerCount)
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
    builder["rope.layers"] = rotatedLayers.map { .unsignedArray($0.map { $0 ? 1 : 0 }) }
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

  /// `count` numbers that are 0 or 1.
  fileprivate func optionalFlags(_ key: String, count: Int) throws(FormatError) -> [Bool]? {
    guard let value = table[key] else { return nil }
    guard case .unsignedArray(let numbers) = value, numbers.count == count,
      numbers.allSatisfy({ $0 <= 1 })
    else { throw wrongType(key) }
    return numbers.map { $0 == 1 }
  }
}

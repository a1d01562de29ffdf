// Owns: the hyperparameters of a model, typed and within their limits, and their keys in the
// configuration.
// Must not: know what an architecture does with them.
// Source: Spec/FORMAT.md, "Configuration" (R-310 … R-316).

/// A model's hyperparameters.
public struct ModelConfiguration: Equatable, Sendable {
  /// `qwen2`, `llama`; a runtime refuses a name it does not know.
  package var architecture: String
  /// What files before 0.2 are called; empty in others, whose name is in their provenance: it is
  /// for people, and must not decide the model digest.
  package var formerName: String
  package var hiddenSize: Int
  package var layerCount: Int
  /// Query heads.
  package var headCount: Int
  /// Key and value heads; divides `headCount`.
  package var keyValueHeadCount: Int
  /// Dimensions of a head; even.
  package var headDimension: Int
  /// Whether the query, key and value projections have biases.
  package var hasAttentionBias: Bool
  package var feedForwardSize: Int
  package var vocabularySize: Int
  /// Most positions, prompt and answer together.
  package var contextLength: Int
  package var normEpsilon: Double
  /// In radians per position, already scaled: one for each pair of the dimensions that are rotated,
  /// at most `headDimension / 2`.
  package var ropeInverseFrequencies: [Float]
  /// Whether the head is the embedding.
  package var isEmbeddingTied: Bool
  package var bosToken: UInt32?
  /// Whether a prompt starts with `bosToken`.
  package var addsBOS: Bool
  /// Each of them ends an answer.
  package var eosTokens: [UInt32]
  package var sampling: SamplingDefaults
  /// What its layers do beyond the plainest ones.
  package var traits: LayerTraits

  /// Sampling parameters that the checkpoint recommends; nil means that it is silent.
  public struct SamplingDefaults: Equatable, Sendable {
    public var temperature: Double?
    public var topP: Double?
    public var minP: Double?
    public var repetitionPenalty: Double?
    /// 0 means no limit.
    public var topK: UInt64?

    public init(
      temperature: Double? = nil, topP: Double? = nil, minP: Double? = nil,
      repetitionPenalty: Double? = nil, topK: UInt64? = nil
    ) {
      self.temperature = temperature
      self.topP = topP
      self.minP = minP
      self.repetitionPenalty = repetitionPenalty
      self.topK = topK
    }
  }

  /// Memberwise; `encoded()` validates.
  package init(
    architecture: String, formerName: String = "", hiddenSize: Int, layerCount: Int, headCount: Int,
    keyValueHeadCount: Int, headDimension: Int, hasAttentionBias: Bool, feedForwardSize: Int,
    vocabularySize: Int, contextLength: Int, normEpsilon: Double, ropeInverseFrequencies: [Float],
    isEmbeddingTied: Bool, bosToken: UInt32?, addsBOS: Bool, eosTokens: [UInt32],
    sampling: SamplingDefaults = SamplingDefaults(), traits: LayerTraits = LayerTraits()
  ) {
    self.architecture = architecture
    self.formerName = formerName
    self.hiddenSize = hiddenSize
    self.layerCount = layerCount
    self.headCount = headCount
    self.keyValueHeadCount = keyValueHeadCount
    self.headDimension = headDimension
    self.hasAttentionBias = hasAttentionBias
    self.feedForwardSize = feedForwardSize
    self.vocabularySize = vocabularySize
    self.contextLength = contextLength
    self.normEpsilon = normEpsilon
    self.ropeInverseFrequencies = ropeInverseFrequencies
    self.isEmbeddingTied = isEmbeddingTied
    self.bosToken = bosToken
    self.addsBOS = addsBOS
    self.eosTokens = eosTokens
    self.sampling = sampling
    self.traits = traits
  }

  /// Incompatible features that a file with this configuration needs.
  package var incompatibleFeatures: UInt64 {
    let isPlain = traits == LayerTraits() && ropeInverseFrequencies.count == headDimension / 2
    return isPlain ? 0 : FormatConstants.layerTraitsFeature
  }

  /// Refuses what the file's features do not announce: a reader that does not know it would compute
  /// something else.
  func check(features: UInt64, _ table: KeyValueTable) throws(FormatError) {
    guard features & FormatConstants.layerTraitsFeature == 0 else { return }
    guard ropeInverseFrequencies.count == headDimension / 2 else {
      throw ConfigurationFields(table).error(
        rule: 314, "rope.inverse_frequencies", "inverse frequencies are wrong")
    }
    guard traits == LayerTraits() else {
      throw FormatError(
        rule: 317, offset: 0, context: "configuration", "layer traits without their feature")
    }
  }

  /// Reads and validates the configuration's keys; unknown keys are ignored.
  package init(_ table: KeyValueTable) throws(FormatError) {
    let fields = ConfigurationFields(table)
    architecture = try fields.text("architecture")
    formerName = try fields.text("model.name")
    hiddenSize = try fields.size("hidden_size", FormatLimits.width)
    layerCount = try fields.size("layer_count", FormatLimits.layerCount)
    headCount = try fields.size("attention.head_count", FormatLimits.headCount)
    keyValueHeadCount = try fields.size("attention.kv_head_count", FormatLimits.headCount)
    headDimension = try fields.size("attention.head_dim", FormatLimits.headDimension)
    hasAttentionBias = try fields.bool("attention.qkv_bias")
    feedForwardSize = try fields.size("feed_forward_size", FormatLimits.width)
    vocabularySize = try fields.size("vocabulary_size", FormatLimits.vocabularySize)
    contextLength = try fields.size("context_length", FormatLimits.contextLength)
    normEpsilon = try fields.float("norm.epsilon")
    ropeInverseFrequencies = try fields.floats("rope.inverse_frequencies")
    isEmbeddingTied = try fields.bool("embedding.tied")
    addsBOS = try fields.bool("token.add_bos")
    bosToken = try fields.optionalToken("token.bos", below: vocabularySize)
    eosTokens = try fields.tokens("token.eos", below: vocabularySize)
    sampling = SamplingDefaults(
      temperature: try fields.optionalFloat("sampling.temperature", 0...100),
      topP: try fields.optionalFloat("sampling.top_p", 0...1),
      minP: try fields.optionalFloat("sampling.min_p", 0...1),
      repetitionPenalty: try fields.optionalFloat("sampling.repetition_penalty", 0.01...100),
      topK: try fields.optionalUnsigned("sampling.top_k"))
    traits = try LayerTraits(fields, layerCount: layerCount)
    try checkRelations(fields)
  }

  private func checkRelations(_ fields: ConfigurationFields) throws(FormatError) {
    let isName = { (byte: UInt8) in
      (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x5F
    }
    guard (1...64).contains(architecture.utf8.count), architecture.utf8.allSatisfy(isName) else {
      throw fields.error(rule: 311, "architecture", "architecture is not a name")
    }
    guard headCount % keyValueHeadCount == 0 else {
      throw fields.error(
        rule: 313, "attention.kv_head_count", "key–value heads do not divide the query heads")
    }
    guard headDimension % 2 == 0 else {
      throw fields.error(rule: 312, "attention.head_dim", "head dimension is odd")
    }
    guard normEpsilon > 0, normEpsilon <= 1 else {
      throw fields.error(rule: 312, "norm.epsilon", "norm epsilon is out of range")
    }
    guard (1...headDimension / 2).contains(ropeInverseFrequencies.count),
      ropeInverseFrequencies.allSatisfy({ $0 >= 0 && $0 <= 1 })
    else {
      throw fields.error(rule: 314, "rope.inverse_frequencies", "inverse frequencies are wrong")
    }
    if let long = traits.longRope, long.inverseFrequencies.count != ropeInverseFrequencies.count {
      throw fields.error(
        rule: 318, "rope.long.inverse_frequencies",
        "long texts have another number of inverse frequencies")
    }
    let half = ropeInverseFrequencies.count
    if let second = traits.secondInverseFrequencies, second.count != half {
      throw fields.error(
        rule: 318, "rope.second.inverse_frequencies",
        "there is another number of second inverse frequencies")
    }
    guard !addsBOS || bosToken != nil else {
      throw fields.error(rule: 315, "token.add_bos", "a first token is asked for but not named")
    }
  }

  /// The configuration section's payload.
  /// - Throws: the rule that a value breaks.
  package func encoded() throws(FormatError) -> [UInt8] {
    var builder = KeyValueBuilder()
    builder["architecture"] = .text(architecture)
    builder["model.name"] = .text(formerName)
    builder["hidden_size"] = .unsigned(UInt64(clamping: hiddenSize))
    builder["layer_count"] = .unsigned(UInt64(clamping: layerCount))
    builder["attention.head_count"] = .unsigned(UInt64(clamping: headCount))
    builder["attention.kv_head_count"] = .unsigned(UInt64(clamping: keyValueHeadCount))
    builder["attention.head_dim"] = .unsigned(UInt64(clamping: headDimension))
    builder["attention.qkv_bias"] = .bool(hasAttentionBias)
    builder["feed_forward_size"] = .unsigned(UInt64(clamping: feedForwardSize))
    builder["vocabulary_size"] = .unsigned(UInt64(clamping: vocabularySize))
    builder["context_length"] = .unsigned(UInt64(clamping: contextLength))
    builder["norm.epsilon"] = .float(normEpsilon)
    builder["rope.inverse_frequencies"] = .floatArray(ropeInverseFrequencies)
    builder["embedding.tied"] = .bool(isEmbeddingTied)
    builder["token.bos"] = bosToken.map { .unsigned(UInt64($0)) }
    builder["token.add_bos"] = .bool(addsBOS)
    builder["token.eos"] = .unsignedArray(eosTokens.map { UInt64($0) })
    builder["sampling.temperature"] = sampling.temperature.map { .float($0) }
    builder["sampling.top_p"] = sampling.topP.map { .float($0) }
    builder["sampling.min_p"] = sampling.minP.map { .float($0) }
    builder["sampling.repetition_penalty"] = sampling.repetitionPenalty.map { .float($0) }
    builder["sampling.top_k"] = sampling.topK.map { .unsigned($0) }
    traits.encode(into: &builder)
    let payload = try builder.build()
    _ = try ModelConfiguration(
      KeyValueTable(ByteRegion(copying: payload), context: "configuration"))
    return payload
  }
}

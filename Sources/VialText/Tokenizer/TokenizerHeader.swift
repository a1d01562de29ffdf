// Owns: the fixed part of the `tokenizer` section, read and checked: rules.
// Must not: look into the columns; their content is checked where it is used, so that opening costs
// the same for every vocabulary.

internal import VialFormat

/// The checked header of a `tokenizer` section.
struct TokenizerHeader: Sendable {
  var kind = TokenizerKind.byteLevel
  var normalizer = TokenizerNormalizer.none
  var preTokenizer = PreTokenizerPattern.none
  var decoder = TokenizerDecoder.byteLevel
  var flags: UInt32 = 0
  var tokenCount: UInt32 = 0
  var mergeCount: UInt32 = 0
  var addedCount: UInt32 = 0
  var rawAddedCount: UInt32 = 0
  var unknownToken = TokenizerLayout.noToken
  var bosToken = TokenizerLayout.noToken
  var eosToken = TokenizerLayout.noToken
  var padToken = TokenizerLayout.noToken
  var prefixCount: UInt32 = 0
  var suffixCount: UInt32 = 0
  var prefix = InlineArray<8, UInt32>(repeating: 0)
  var suffix = InlineArray<8, UInt32>(repeating: 0)
  var mergeSlotBits: UInt32 = 0
  var mergeProbeCount: UInt32 = 0
  var vocabularySlotBits: UInt32 = 0
  var vocabularyProbeCount: UInt32 = 0
  var hashSeed: UInt64 = 0
  var longestToken: UInt32 = 0

  /// Reads the header at the start of `region`.
  init(_ region: ByteRegion) throws(FormatError) {
    typealias Field = TokenizerLayout.Field
    let reader = try FieldReader(
      region, byteCount: TokenizerLayout.headerByteCount, rule: 400, context: "tokenizer")
    try reader.expect(
      reader.word(Field.version) == TokenizerLayout.version, rule: 401, Field.version,
      "unknown tokenizer layout version")
    try readEnumerations(reader)
    try readCounts(reader)
    try readTokens(reader)
    try readHashing(reader)
    try reader.expect(
      reader.word(Field.unicodeTables) == TokenizerLayout.unicodeTables, rule: 409,
      Field.unicodeTables,
      "unknown Unicode tables")
    try reader.expect(
      reader.long(Field.reserved) == 0, rule: 402, Field.reserved, "a reserved field is not zero")
  }

  private mutating func readEnumerations(_ reader: FieldReader) throws(FormatError) {
    typealias Field = TokenizerLayout.Field
    guard let kind = TokenizerKind(rawValue: reader.word(Field.kind)) else {
      throw reader.error(rule: 403, Field.kind, "unknown tokenizer kind")
    }
    guard let normalizer = TokenizerNormalizer(rawValue: reader.word(Field.normalizer)) else {
      throw reader.error(rule: 403, Field.normalizer, "unknown normaliser")
    }
    guard let pattern = PreTokenizerPattern(rawValue: reader.word(Field.preTokenizer)) else {
      throw reader.error(rule: 403, Field.preTokenizer, "unknown pre-tokenizer")
    }
    guard let decoder = TokenizerDecoder(rawValue: reader.word(Field.decoder)) else {
      throw reader.error(rule: 403, Field.decoder, "unknown decoder")
    }
    flags = reader.word(Field.flags)
    try reader.expect(
      flags & ~TokenizerLayout.Flag.known == 0, rule: 404, Field.flags, "unknown tokenizer flags")
    (self.kind, self.normalizer, preTokenizer, self.decoder) = (kind, normalizer, pattern, decoder)
  }

  private mutating func readCounts(_ reader: FieldReader) throws(FormatError) {
    typealias Field = TokenizerLayout.Field
    tokenCount = reader.word(Field.tokenCount)
    mergeCount = reader.word(Field.mergeCount)
    addedCount = reader.word(Field.addedCount)
    rawAddedCount = reader.word(Field.rawAddedCount)
    longestToken = reader.word(Field.longestToken)
    try reader.expect(
      tokenCount > 0 && tokenCount <= TokenizerLayout.maxTokenCount, rule: 405, Field.tokenCount,
      "the number of tokens is out of range")
    try reader.expect(
      mergeCount <= TokenizerLayout.maxMergeCount, rule: 405, Field.mergeCount,
      "the number of merges is out of range")
    try reader.expect(
      addedCount <= TokenizerLayout.maxAddedCount && rawAddedCount <= addedCount, rule: 405,
      Field.addedCount, "the number of added tokens is out of range")
    try reader.expect(
      longestToken <= TokenizerLayout.maxTokenByteCount, rule: 405, Field.longestToken,
      "the longest token is out of range")
  }

  private mutating func readTokens(_ reader: FieldReader) throws(FormatError) {
    typealias Field = TokenizerLayout.Field
    unknownToken = try token(reader, Field.unknownToken)
    bosToken = try token(reader, Field.bosToken)
    eosToken = try token(reader, Field.eosToken)
    padToken = try token(reader, Field.padToken)
    prefixCount = reader.word(Field.prefixCount)
    suffixCount = reader.word(Field.suffixCount)
    let most = UInt32(TokenizerLayout.maxAffixCount)
    try reader.expect(
      prefixCount <= most && suffixCount <= most, rule: 407, Field.prefixCount,
      "too many tokens around a text")
    for index in 0..<TokenizerLayout.maxAffixCount {
      prefix[index] = try affix(reader, Field.prefix + index * 4, isUsed: index < prefixCount)
      suffix[index] = try affix(reader, Field.suffix + index * 4, isUsed: index < suffixCount)
    }
  }

  private func token(_ reader: FieldReader, _ field: Int) throws(FormatError) -> UInt32 {
    let id = reader.word(field)
    try reader.expect(
      id == TokenizerLayout.noToken || id < tokenCount, rule: 406, field,
      "a token id is out of range")
    return id
  }

  private func affix(
    _ reader: FieldReader, _ field: Int, isUsed: Bool
  ) throws(FormatError) -> UInt32 {
    let id = reader.word(field)
    try reader.expect(
      isUsed ? id < tokenCount : id == 0, rule: 407, field, "a token around a text is out of range")
    return id
  }

  private mutating func readHashing(_ reader: FieldReader) throws(FormatError) {
    typealias Field = TokenizerLayout.Field
    mergeSlotBits = reader.word(Field.mergeSlotBits)
    mergeProbeCount = reader.word(Field.mergeProbeCount)
    vocabularySlotBits = reader.word(Field.vocabularySlotBits)
    vocabularyProbeCount = reader.word(Field.vocabularyProbeCount)
    hashSeed = reader.long(Field.hashSeed)
    try reader.expect(
      (1...28).contains(mergeSlotBits) && (1...28).contains(vocabularySlotBits), rule: 408,
      Field.mergeSlotBits, "a hash table's size is out of range")
    let most = TokenizerLayout.maxProbeCount
    try reader.expect(
      mergeProbeCount <= most && vocabularyProbeCount <= most, rule: 408, Field.mergeProbeCount,
      "a hash table's probe count is out of range")
  }
}

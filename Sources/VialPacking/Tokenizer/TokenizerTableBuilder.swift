// Owns: the columns of the `tokenizer` section: bytes of tokens, flags, symbol tables, added tokens
// and the header.
// Must not: decide what a tokenizer means; `TokenizerSource` and `TokenizerPipeline` did.

import VialText

/// Builds one section.
struct TokenizerTableBuilder {
  private typealias Field = TokenizerLayout.Field
  /// Ids without tokens that any vocabulary may have.
  private static let freeIdCount = 65_536
  private let source: TokenizerSource
  private let pipeline: TokenizerPipeline
  private let special: SpecialTokens
  private let alphabet = ByteLevelAlphabet()
  private(set) var mergeCount = 0
  /// One more than the highest id.
  let tokenCount: Int
  var addedCount: Int { source.addedTokens.count }

  private var tokenBytes: [[UInt8]]
  private var tokenFlags: [UInt8]
  /// Tokens that text can spell, by id; these are found by their bytes.
  private var encodable: [(id: UInt32, bytes: [UInt8])] = []

  init(
    _ source: TokenizerSource, _ pipeline: TokenizerPipeline, _ special: SpecialTokens
  ) throws(TokenizerError) {
    self.source = source
    self.pipeline = pipeline
    self.special = special
    let highest = max(
      source.vocabulary.lazy.map(\.id).max() ?? 0, source.addedTokens.lazy.map(\.id).max() ?? 0)
    guard !source.vocabulary.isEmpty, highest < TokenizerLayout.maxTokenCount else {
      throw TokenizerError("an empty or too large vocabulary")
    }
    tokenCount = Int(highest) + 1
    // The tables have a place for every id, so ids without tokens cost memory and bytes of the
    // file.
    let known = source.vocabulary.count + source.addedTokens.count
    guard tokenCount <= known * 4 + Self.freeIdCount else {
      throw TokenizerError("ids up to \(highest) for only \(known) tokens")
    }
    tokenBytes = [[UInt8]](repeating: [], count: tokenCount)
    tokenFlags = [UInt8](repeating: 0, count: tokenCount)
  }

  mutating func build() throws(TokenizerError) -> [UInt8] {
    try fillTokens()
    fillAddedTokens()
    var section = SectionBytes(headerByteCount: TokenizerLayout.headerByteCount)
    section.set(TokenizerLayout.version, at: Field.version)
    section.set(pipeline.kind.rawValue, at: Field.kind)
    section.set(pipeline.normalizer.rawValue, at: Field.normalizer)
    section.set(pipeline.pattern.rawValue, at: Field.preTokenizer)
    section.set(pipeline.decoder.rawValue, at: Field.decoder)
    section.set(UInt32(tokenCount), at: Field.tokenCount)
    section.set(TokenizerLayout.unicodeTables, at: Field.unicodeTables)
    try setSpecialTokens(&section)
    appendTokens(&section)
    try appendSymbols(&section)
    let seed: UInt64 = 0x5649_414C_0000_0001
    section.set(seed, at: Field.hashSeed)
    let merges = try MergeTableBuilder(source, pipeline.kind == .characterLevel)
    appendVocabulary(&section, seed)
    appendMerges(&section, merges, seed)
    try appendAddedTokens(&section)
    section.set(flags(cutsAtSpaces: merges.keepsSpacesInFront), at: Field.flags)
    return section.bytes
  }

  // MARK: Tokens

  /// A token's spelling as it stands in text.
  private func spelling(_ token: [UInt8]) -> [UInt8] {
    switch pipeline.kind {
    case .byteLevel: alphabet.bytes(of: token) ?? token
    case .characterLevel: MarkedSpaces.spaces(for: token)
    }
  }

  private mutating func fillTokens() throws(TokenizerError) {
    for (token, id) in source.vocabulary {
      let bytes = token.bytes
      guard bytes.count <= TokenizerLayout.maxTokenByteCount else {
        throw TokenizerError(
          "token \(id) is longer than \(TokenizerLayout.maxTokenByteCount) bytes")
      }
      tokenFlags[Int(id)] = TokenizerLayout.TokenFlag.present
      tokenBytes[Int(id)] = spelling(bytes)
      switch pipeline.kind {
      case .byteLevel:
        if let raw = alphabet.bytes(of: bytes) { encodable.append((id, raw)) }
      case .characterLevel:
        if pipeline.joinsBytes, let byte = MarkedSpaces.byte(of: bytes) {
          tokenFlags[Int(id)] |= TokenizerLayout.TokenFlag.byte
          tokenBytes[Int(id)] = [byte]
        } else if !bytes.contains(0x20) {
          // Text has no spaces left when it is encoded, so a token with one is never met.
          encodable.append((id, spelling(bytes)))
        }
      }
    }
  }

  private mutating func fillAddedTokens() {
    let specials = Set(source.addedTokens.lazy.filter(\.special).map(\.content))
    for token in source.addedTokens {
      let decoded =
        token.normalized ? JSONString(bytes: normalized(token.content.bytes)) : token.content
      var flags = TokenizerLayout.TokenFlag.present | TokenizerLayout.TokenFlag.added
      if specials.contains(decoded) { flags |= TokenizerLayout.TokenFlag.special }
      if pipeline.joinsBytes, let byte = MarkedSpaces.byte(of: decoded.bytes) {
        flags |= TokenizerLayout.TokenFlag.byte
        tokenBytes[Int(token.id)] = [byte]
      } else {
        tokenBytes[Int(token.id)] = spelling(decoded.bytes)
      }
      tokenFlags[Int(token.id)] = flags
    }
    encodable.sort { $0.id < $1.id }
  }

  /// What the normaliser makes of an added token's text, in the original's spelling.
  private func normalized(_ content: [UInt8]) -> [UInt8] {
    switch pipeline.normalizer {
    case .none: return content
    case .nfc: return NormalizationC.normalized(content)
    case .spaces:
      let prepends = pipeline.flags & TokenizerLayout.Flag.prependSpace != 0
      return (prepends ? MarkedSpaces.marker : []) + MarkedSpaces.markers(for: content)
    }
  }

  private mutating func appendTokens(_ section: inout SectionBytes) {
    var offsets: [UInt32] = [0]
    offsets.reserveCapacity(tokenCount + 1)
    var all: [UInt8] = []
    for bytes in tokenBytes {
      all.append(contentsOf: bytes)
      offsets.append(UInt32(all.count))
    }
    section.set(section.append(column: all), at: Field.tokenBytes)
    section.set(UInt64(all.count), at: Field.tokenBytesLength)
    section.set(section.append(column: offsets), at: Field.tokenOffsets)
    section.set(section.append(column: tokenFlags), at: Field.tokenFlags)
    section.set(UInt32(encodable.lazy.map(\.bytes.count).max() ?? 0), at: Field.longestToken)
  }

  // MARK: Symbols

  private func appendSymbols(_ section: inout SectionBytes) throws(TokenizerError) {
    var byteTokens = [UInt32](repeating: TokenizerLayout.noToken, count: 256)
    var fallback = byteTokens
    switch pipeline.kind {
    case .byteLevel:
      for byte in 0..<256 {
        byteTokens[byte] =
          source.idByToken[JSONString(bytes: alphabet.characters[byte])] ?? TokenizerLayout.noToken
      }
      let isIncomplete = byteTokens.contains(TokenizerLayout.noToken)
      if isIncomplete, source.unknownToken != nil || source.fallsBackToBytes {
        throw TokenizerError("a byte-level vocabulary with bytes missing and an unknown token")
      }
    case .characterLevel:
      for (id, bytes) in encodable where bytes.count == 1 { byteTokens[Int(bytes[0])] = id }
      for byte in 0..<256 {
        let name = MarkedSpaces.name(of: UInt8(byte))
        fallback[byte] = source.idByToken[JSONString(bytes: name)] ?? TokenizerLayout.noToken
      }
    }
    section.set(section.append(column: byteTokens), at: Field.byteTokens)
    section.set(section.append(column: fallback), at: Field.fallbackTokens)
  }

  private func flags(cutsAtSpaces: Bool) -> UInt32 {
    typealias Flag = TokenizerLayout.Flag
    var flags = pipeline.flags
    if source.ignoresMerges { flags |= Flag.ignoreMerges }
    if source.fallsBackToBytes { flags |= Flag.byteFallback }
    if source.fusesUnknown { flags |= Flag.fuseUnknown }
    let hasMarker = source.idByToken[JSONString(bytes: MarkedSpaces.marker)] != nil
    if pipeline.kind == .characterLevel, hasMarker, cutsAtSpaces, !source.ignoresMerges {
      flags |= Flag.cutsAtSpaces
    }
    return flags
  }

  // MARK: Look-ups

  private func appendVocabulary(_ section: inout SectionBytes, _ seed: UInt64) {
    let entries = encodable.filter { tokenBytes[Int($0.id)] == $0.bytes }
    let table = HashTable.build(hashes: entries.map { HashTable.hash($0.bytes, seed: seed) })
    section.set(
      section.append(
        column: table.slots.map { $0 < 0 ? UInt32(0) : entries[$0].id + 1 }),
      at: Field.vocabularySlots)
    section.set(table.bits, at: Field.vocabularySlotBits)
    section.set(table.probeCount, at: Field.vocabularyProbeCount)
  }

  private mutating func appendMerges(
    _ section: inout SectionBytes, _ merges: MergeTableBuilder, _ seed: UInt64
  ) {
    let table = HashTable.build(
      hashes: merges.entries.map { TokenizerLayout.hash(pair: $0.pair, seed: seed) })
    var column: [UInt64] = []
    column.reserveCapacity(table.slots.count * 2)
    for slot in table.slots {
      column.append(slot < 0 ? UInt64.max : merges.entries[slot].pair)
      column.append(slot < 0 ? UInt64.max : merges.entries[slot].value)
    }
    section.set(section.append(column: column), at: Field.mergeSlots)
    section.set(table.bits, at: Field.mergeSlotBits)
    section.set(table.probeCount, at: Field.mergeProbeCount)
    mergeCount = merges.entries.count
    section.set(UInt32(mergeCount), at: Field.mergeCount)
  }

  /// Added tokens sorted by their bytes: first those matched in raw text, then the others.
  private func appendAddedTokens(_ section: inout SectionBytes) throws(TokenizerError) {
    let pattern = { (token: TokenizerSource.AddedToken) -> [UInt8] in
      guard token.normalized else { return token.content.bytes }
      let bytes = normalized(token.content.bytes)
      return pipeline.normalizer == .spaces ? MarkedSpaces.spaces(for: bytes) : bytes
    }
    let sorted = source.addedTokens.map { ($0, pattern($0)) }.sorted { left, right in
      if left.0.normalized != right.0.normalized { return !left.0.normalized }
      return left.1.lexicographicallyPrecedes(right.1)
    }
    var entries: [UInt32] = []
    var bytes: [UInt8] = []
    for (token, pattern) in sorted {
      typealias Flag = TokenizerLayout.AddedFlag
      guard pattern.count <= TokenizerLayout.maxAddedTokenByteCount else {
        throw TokenizerError(
          "added token \(token.id) is longer than \(TokenizerLayout.maxAddedTokenByteCount) bytes")
      }
      let flags =
        (token.singleWord ? Flag.singleWord : 0) | (token.stripsLeft ? Flag.stripsLeft : 0)
        | (token.stripsRight ? Flag.stripsRight : 0)
      entries += [token.id, flags, UInt32(bytes.count), UInt32(pattern.count)]
      bytes += pattern
    }
    section.set(UInt32(sorted.count), at: Field.addedCount)
    section.set(UInt32(sorted.count { !$0.0.normalized }), at: Field.rawAddedCount)
    section.set(section.append(column: entries), at: Field.addedEntries)
    section.set(section.append(column: bytes), at: Field.addedBytes)
    section.set(UInt64(bytes.count), at: Field.addedBytesLength)
  }

  // MARK: Special tokens

  private mutating func setSpecialTokens(_ section: inout SectionBytes) throws(TokenizerError) {
    let none = TokenizerLayout.noToken
    var unknown = none
    if let token = source.unknownToken {
      guard let id = source.idByToken[token] else {
        throw TokenizerError("the unknown token '\(token)' is not in the vocabulary")
      }
      unknown = id
    }
    section.set(unknown, at: Field.unknownToken)
    section.set(special.bos ?? none, at: Field.bosToken)
    section.set(special.eos ?? none, at: Field.eosToken)
    section.set(special.pad ?? none, at: Field.padToken)
    var prefix = try ids(pipeline.prefix)
    var suffix = try ids(pipeline.suffix)
    if !pipeline.hasTemplate {
      // Without a post-processor that says so, tokenizer_config.json does.
      if special.addsBos, let bos = special.bos { prefix = [bos] }
      if special.addsEos, let eos = special.eos { suffix = [eos] }
    }
    guard max(prefix.count, suffix.count) <= TokenizerLayout.maxAffixCount else {
      throw TokenizerError("more than \(TokenizerLayout.maxAffixCount) tokens around a text")
    }
    section.set(UInt32(prefix.count), at: Field.prefixCount)
    section.set(UInt32(suffix.count), at: Field.suffixCount)
    for (index, id) in prefix.enumerated() { section.set(id, at: Field.prefix + index * 4) }
    for (index, id) in suffix.enumerated() { section.set(id, at: Field.suffix + index * 4) }
  }

  private func ids(_ contents: [JSONString]) throws(TokenizerError) -> [UInt32] {
    var result: [UInt32] = []
    for content in contents {
      let added = source.addedTokens.first { $0.content == content }?.id
      guard let id = added ?? source.idByToken[content] else {
        let what = source.leftOut[content] == nil ? "does not exist" : "has no row in the embedding"
        throw TokenizerError("the post-processor's token '\(content)' \(what)")
      }
      result.append(id)
    }
    return result
  }
}

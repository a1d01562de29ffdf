// Owns: the tokenizer of a file, tables that are searched where they lie: opening, and look-ups by
// id.
// Must not: parse, copy or allocate anything that grows with the vocabulary.
// Source: Spec/TOKENIZER.md, "Layout".

public import VialFormat

/// A byte-pair tokenizer over the `tokenizer` section of a file.
///
/// Opening checks the header and that every column lies inside the section; the columns' content is
/// checked at each use, so any bytes are safe and a damaged table merely gives other tokens.
/// Immutable and shareable between threads; each thread brings its own `TokenizerWorkspace`.
public struct Tokenizer: Sendable {
  let header: TokenizerHeader
  let tokenBytes: ByteColumn<UInt8>
  let tokenOffsets: ByteColumn<UInt32>
  let tokenFlags: ByteColumn<UInt8>
  let vocabularySlots: ByteColumn<UInt32>
  let mergeSlots: ByteColumn<UInt64>
  let byteTokens: ByteColumn<UInt32>
  let fallbackTokens: ByteColumn<UInt32>
  let addedEntries: ByteColumn<UInt32>
  let addedBytes: ByteColumn<UInt8>

  /// Opens the section. O(1) in the size of the vocabulary. Throws.
  public init(_ section: ByteRegion) throws(FormatError) {
    typealias Field = TokenizerLayout.Field
    let header = try TokenizerHeader(section)
    let columns = try ColumnReader(section)
    self.header = header
    tokenBytes = try columns.column(
      UInt8.self, Field.tokenBytes, count: columns.fields.long(Field.tokenBytesLength))
    tokenOffsets = try columns.column(
      UInt32.self, Field.tokenOffsets, count: UInt64(header.tokenCount) + 1)
    tokenFlags = try columns.column(
      UInt8.self, Field.tokenFlags, count: UInt64(header.tokenCount))
    vocabularySlots = try columns.column(
      UInt32.self, Field.vocabularySlots, count: 1 << UInt64(header.vocabularySlotBits))
    mergeSlots = try columns.column(
      UInt64.self, Field.mergeSlots, count: 2 << UInt64(header.mergeSlotBits))
    byteTokens = try columns.column(UInt32.self, Field.byteTokens, count: 256)
    fallbackTokens = try columns.column(UInt32.self, Field.fallbackTokens, count: 256)
    addedEntries = try columns.column(
      UInt32.self, Field.addedEntries, count: UInt64(header.addedCount) * 4)
    addedBytes = try columns.column(
      UInt8.self, Field.addedBytes, count: columns.fields.long(Field.addedBytesLength))
  }

  /// Number of ids that the tables cover; a model's vocabulary may be larger.
  public var tokenCount: Int { Int(header.tokenCount) }
  /// Number of merges.
  public var mergeCount: Int { Int(header.mergeCount) }
  /// Number of added tokens.
  public var addedTokenCount: Int { Int(header.addedCount) }
  /// How text becomes symbols.
  public var kind: TokenizerKind { header.kind }
  /// What happens to text first.
  public var normalizer: TokenizerNormalizer { header.normalizer }
  /// How text is cut into words.
  public var pattern: PreTokenizerPattern { header.preTokenizer }
  /// The token that begins a text, if there is one.
  public var bosToken: UInt32? { optional(header.bosToken) }
  /// The token that ends a text, if there is one; a model may stop at others as well.
  public var eosToken: UInt32? { optional(header.eosToken) }
  /// The token that fills up batches, if there is one.
  public var padToken: UInt32? { optional(header.padToken) }

  private func optional(_ id: UInt32) -> UInt32? { id == TokenizerLayout.noToken ? nil : id }

  /// Whether `id` is special: left out of decoded text on request.
  public func isSpecial(_ id: UInt32) -> Bool {
    flags(of: id) & TokenizerLayout.TokenFlag.special != 0
  }

  /// Whether `id` is an added token (special or not).
  public func isAdded(_ id: UInt32) -> Bool {
    flags(of: id) & TokenizerLayout.TokenFlag.added != 0
  }

  /// Whether `id` has a token at all.
  public func isPresent(_ id: UInt32) -> Bool {
    flags(of: id) & TokenizerLayout.TokenFlag.present != 0
  }

  /// The bytes that `id` stands for, which need not be valid UTF-8; empty for an id without a
  /// token.
  @_lifetime(borrow self)
  public func bytes(of id: UInt32) -> Span<UInt8> {
    let bytes = tokenBytes.span.extracting(byteRange(of: id))
    return unsafe _overrideLifetime(bytes, borrowing: self)
  }

  func flags(of id: UInt32) -> UInt8 {
    id < header.tokenCount ? tokenFlags.span[Int(id)] : 0
  }

  /// Where the token's bytes lie; empty when the id or the table's offsets are out of range, or the
  /// token is longer than any may be.
  func byteRange(of id: UInt32) -> Range<Int> {
    guard id < header.tokenCount else { return 0..<0 }
    let offsets = tokenOffsets.span
    let start = Int(offsets[Int(id)])
    let end = Int(offsets[Int(id) + 1])
    guard start <= end, end <= tokenBytes.count,
      end - start <= TokenizerLayout.maxTokenByteCount
    else { return 0..<0 }
    return start..<end
  }

  func has(_ flag: UInt32) -> Bool { header.flags & flag != 0 }
}

/// Columns of a section by the header field that holds their offset.
private struct ColumnReader {
  let section: ByteRegion
  let fields: FieldReader

  init(_ section: ByteRegion) throws(FormatError) {
    self.section = section
    fields = try FieldReader(
      section, byteCount: TokenizerLayout.headerByteCount, rule: 400, context: "tokenizer")
  }

  func column<Element: BitwiseCopyable & FixedWidthInteger>(
    _ type: Element.Type, _ field: Int, count: UInt64
  ) throws(FormatError) -> ByteColumn<Element> {
    let offset = fields.long(field)
    guard offset % 8 == 0, offset >= UInt64(TokenizerLayout.headerByteCount) else {
      throw fields.error(
        rule: 410, field, "a column is not aligned to 8 bytes or lies in the header")
    }
    guard let column = section.column(type, at: offset, count: count) else {
      throw fields.error(rule: 411, field, "a column is not inside the section")
    }
    return column
  }
}

// Owns: the way from text to token ids, and the order of its steps: added tokens, normalisation,
// words, merging.
// Must not: keep text anywhere but in the caller's workspace.
// Source: Spec/TOKENIZER.md, "Encoding".

internal import VialFormat

/// How a text is encoded.
public struct EncodeOptions: Sendable {
  /// Puts the file's tokens around the text (BOS, EOS), as its post-processor says.
  public var addsSpecialTokens: Bool
  /// Whether those behind the text are among them. A text that is going to be continued has none:
  /// its end would end it.
  public var addsEnd = true
  /// Text that spells an added token stays text.
  public var isLiteral: Bool

  /// A literal text behind the file's first tokens, to be continued.
  public static var raw: EncodeOptions {
    var options = EncodeOptions(addsSpecialTokens: true, isLiteral: true)
    options.addsEnd = false
    return options
  }

  /// Plain text in which added tokens are recognised, nothing around it.
  public init(addsSpecialTokens: Bool = false, isLiteral: Bool = false) {
    self.addsSpecialTokens = addsSpecialTokens
    self.isLiteral = isLiteral
  }
}

extension Tokenizer {
  /// Longest text that can be encoded, in bytes.
  public static let maxTextByteCount = 1 << 28

  /// A capacity that no text of `byteCount` bytes outgrows unless normalisation lengthens it.
  public func tokenCapacity(forByteCount byteCount: Int) -> Int {
    byteCount + 2 * TokenizerLayout.maxAffixCount + 2
  }

  /// Encodes `text`, which must be valid UTF-8, and returns the number of tokens. Tokens that do
  /// not fit into `output` are counted but not written: a result above `output.count` asks for
  /// another call with more room. O(n log n) in the worst case.
  ///
  /// `literals` are the stretches, ascending and not overlapping, in which text that spells an
  /// added token stays text; the text is cut and merged as one nevertheless.
  /// - Throws: `textTooLong`, `normalizedTextTooLong`, `invalidUTF8`, `tokenizerLimit`,
  ///   `outOfMemory`.
  public func encode(
    _ text: Span<UInt8>, _ options: EncodeOptions = EncodeOptions(),
    literals: Span<TextRange> = Span(), workspace: inout TokenizerWorkspace,
    into output: inout MutableSpan<UInt32>
  ) throws(TextError) -> Int {
    guard text.count <= Self.maxTextByteCount else {
      throw .textTooLong(limit: Self.maxTextByteCount)
    }
    if let offset = UTF8Text.firstInvalidOffset(text) { throw .invalidUTF8(offset: offset) }
    let tables = EncoderTables(self)
    let classes = UnicodeClasses.pinned
    let encoder = Encoder(
      self, tables, classes.view, LiteralRanges(literals, isEverything: options.isLiteral))
    var count = 0
    workspace.begin(byteCount: text.count)
    if options.addsSpecialTokens {
      for index in 0..<Int(header.prefixCount) {
        encoder.emit(header.prefix[index], &output, &count)
      }
    }
    try encoder.encode(text, &workspace, &output, &count)
    if options.addsSpecialTokens, options.addsEnd {
      for index in 0..<Int(header.suffixCount) {
        encoder.emit(header.suffix[index], &output, &count)
      }
    }
    return count
  }
}

/// One encoding in progress.
struct Encoder: ~Escapable {
  let header: TokenizerHeader
  let tables: EncoderTables
  let classes: UnicodeClassView
  let literals: LiteralRanges
  private let rawMatcher: AddedTokenMatcher
  private let normalizedMatcher: AddedTokenMatcher

  @_lifetime(borrow tokenizer, copy tables, copy classes, copy literals)
  init(
    _ tokenizer: borrowing Tokenizer, _ tables: EncoderTables, _ classes: UnicodeClassView,
    _ literals: LiteralRanges
  ) {
    header = tokenizer.header
    self.tables = tables
    self.classes = classes
    self.literals = literals
    let rawCount = Int(tokenizer.header.rawAddedCount)
    rawMatcher = AddedTokenMatcher(tokenizer, 0..<rawCount, keepsSpaces: false)
    normalizedMatcher = AddedTokenMatcher(
      tokenizer, rawCount..<Int(tokenizer.header.addedCount),
      keepsSpaces: tokenizer.has(TokenizerLayout.Flag.replaceSpace))
  }

  func has(_ flag: UInt32) -> Bool { header.flags & flag != 0 }

  /// Writes one token; an id that the tables do not have is dropped.
  @inline(__always)
  func emit(_ id: UInt32, _ output: inout MutableSpan<UInt32>, _ count: inout Int) {
    guard id < tables.tokenCount else { return }
    if count < output.count { output[count] = id }
    count += 1
  }

  /// Step 1: tokens that match before normalisation split the text.
  func encode(
    _ text: Span<UInt8>, _ workspace: inout TokenizerWorkspace,
    _ output: inout MutableSpan<UInt32>, _ count: inout Int
  ) throws(TextError) {
    let whole = 0..<text.count
    var taken = 0
    var position = 0
    while let match = rawMatcher.nextMatch(
      in: text, whole, from: position, taken: taken, literals: literals, classes: classes,
      &workspace.work)
    {
      if taken < match.range.lowerBound {
        try stretch(text, taken..<match.range.lowerBound, &workspace, &output, &count)
      }
      emit(match.id, &output, &count)
      taken = match.range.upperBound
      position = match.resume
    }
    try workspace.checkWork()
    if taken < text.count { try stretch(text, taken..<text.count, &workspace, &output, &count) }
  }

  /// Step 2: normalisation of a stretch between added tokens.
  private func stretch(
    _ text: Span<UInt8>, _ range: Range<Int>, _ workspace: inout TokenizerWorkspace,
    _ output: inout MutableSpan<UInt32>, _ count: inout Int
  ) throws(TextError) {
    let isFirst = range.lowerBound == 0
    switch header.normalizer {
    case .none:
      try normalizedStretch(text, range, literals, isFirst, &workspace, &output, &count)
      return
    case .nfc:
      if NormalizationC.isStable(text, range, classes) {
        try normalizedStretch(text, range, literals, isFirst, &workspace, &output, &count)
        return
      }
    case .spaces: break
    }
    let wantsFlags = !normalizedMatcher.isEmpty && !literals.isEmpty && !literals.isEverything
    let byteCount =
      header.normalizer == .nfc
      ? try NormalizationC.normalize(
        text, range, classes, growth: workspace.growth, literals: literals,
        wantsFlags: wantsFlags, workspace: &workspace)
      : try SpaceNormalizer.normalize(
        text, range, prepends: has(TokenizerLayout.Flag.prependSpace),
        replaces: has(TokenizerLayout.Flag.replaceSpace), literals: literals,
        wantsFlags: wantsFlags, &workspace.normalized, &workspace.literalFlags)
    if header.normalizer == .nfc { workspace.grow(byteCount - range.count) }
    // The buffers leave the workspace for the time of the call, so that both can be used.
    var normalized = WipedBuffer<UInt8>()
    swap(&normalized, &workspace.normalized)
    let flagged = try FlaggedRanges(
      workspace.literalFlags, byteCount: wantsFlags ? byteCount : 0)
    workspace.dropFlags()
    try normalizedStretch(
      normalized.span, 0..<byteCount,
      LiteralRanges(flagged.span, isEverything: literals.isEverything), isFirst,
      &workspace, &output, &count)
    swap(&normalized, &workspace.normalized)
  }

  /// Step 3: tokens that match after normalisation split the stretch once more.
  private func normalizedStretch(
    _ text: Span<UInt8>, _ range: Range<Int>, _ literals: LiteralRanges, _ isFirst: Bool,
    _ workspace: inout TokenizerWorkspace, _ output: inout MutableSpan<UInt32>,
    _ count: inout Int
  ) throws(TextError) {
    var taken = range.lowerBound
    var position = range.lowerBound
    while let match = normalizedMatcher.nextMatch(
      in: text, range, from: position, taken: taken, literals: literals, classes: classes,
      &workspace.work)
    {
      if taken < match.range.lowerBound {
        try words(
          text, taken..<match.range.lowerBound, isFirst && taken == range.lowerBound,
          &workspace, &output, &count)
      }
      emit(match.id, &output, &count)
      taken = match.range.upperBound
      position = match.resume
    }
    try workspace.checkWork()
    if taken < range.upperBound {
      try words(
        text, taken..<range.upperBound, isFirst && taken == range.lowerBound,
        &workspace, &output, &count)
    }
  }
}

/// Literal stretches of normalised text, from its flags. Offsets only, no text.
private struct FlaggedRanges: ~Copyable {
  private var ranges = WipedBuffer<TextRange>()
  private let count: Int

  /// - Throws: `outOfMemory`.
  init(_ flags: borrowing WipedBuffer<UInt8>, byteCount: Int) throws(TextError) {
    let flags = flags.span
    let end = min(byteCount, flags.count)
    var count = 0
    for index in 0..<end where Self.begins(index, flags) { count += 1 }
    self.count = count
    try ranges.reserve(count, fill: TextRange(start: 0, byteCount: 0))
    var last = -1
    for index in 0..<end where flags[index] != 0 {
      if Self.begins(index, flags) {
        last += 1
        ranges[last] = TextRange(start: index, byteCount: 0)
      }
      ranges[last].byteCount += 1
    }
  }

  private static func begins(_ index: Int, _ flags: Span<UInt8>) -> Bool {
    flags[index] != 0 && (index == 0 || flags[index - 1] == 0)
  }

  var span: Span<TextRange> {
    @_lifetime(borrow self)
    get {
      let span = ranges.span.extracting(0..<count)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }
}

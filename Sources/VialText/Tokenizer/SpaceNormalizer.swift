// Owns: the SentencePiece-style normaliser: a space in front, U+2581 and spaces made one.
// Must not: know the vocabulary.
// Source: Spec/TOKENIZER.md, "Spaces".
// The tables hold tokens with spaces in place of U+2581, so the marker is written as a space here.

/// Writes text with markers as spaces.
enum SpaceNormalizer {
  /// Writes the range to `buffer` and returns its length; an empty range stays empty. When
  /// `wantsFlags`, `flagBuffer` tells for each byte whether it came from a literal stretch.
  static func normalize(
    _ text: Span<UInt8>, _ range: Range<Int>, prepends: Bool, replaces: Bool,
    literals: LiteralRanges, wantsFlags: Bool, _ buffer: inout WipedBuffer<UInt8>,
    _ flagBuffer: inout WipedBuffer<UInt8>
  ) throws(TextError) -> Int {
    try buffer.reserve(range.count + 1, fill: 0)
    if wantsFlags { try flagBuffer.reserve(range.count + 1, fill: 0) }
    var output = buffer.mutableSpan
    var flags = flagBuffer.mutableSpan
    var written = 0
    if prepends, !range.isEmpty {
      output[0] = 0x20
      if wantsFlags { flags[0] = 0 }
      written = 1
    }
    var literal = literals.cursor
    var position = range.lowerBound
    while position < range.upperBound {
      let isMarker = replaces && Self.isMarker(text, at: position, limit: range.upperBound)
      let length = isMarker ? 3 : 1
      output[written] = isMarker ? 0x20 : text[position]
      if wantsFlags {
        flags[written] = literal.meets(position..<position + length) ? 1 : 0
      }
      written += 1
      position += length
    }
    return written
  }

  /// Whether U+2581 starts at `position`.
  @inline(__always)
  static func isMarker(_ text: Span<UInt8>, at position: Int, limit: Int) -> Bool {
    text[position] == 0xE2 && position + 2 < limit && text[position + 1] == 0x96
      && text[position + 2] == 0x81
  }

  /// A pre-tokenizer's step: writes the range to `buffer`, where asked with markers as
  /// spaces, and with a space in front unless the range starts with one.
  static func prefix(
    _ text: Span<UInt8>, _ range: Range<Int>, prepends: Bool, replaces: Bool,
    _ buffer: inout WipedBuffer<UInt8>
  ) throws(TextError) -> Int {
    try buffer.reserve(range.count + 1, fill: 0)
    var output = buffer.mutableSpan
    var written = 0
    if prepends, let first = range.first, text[first] != 0x20,
      !(replaces && isMarker(text, at: first, limit: range.upperBound))
    {
      output[0] = 0x20
      written = 1
    }
    var position = range.lowerBound
    while position < range.upperBound {
      let isMarker = replaces && isMarker(text, at: position, limit: range.upperBound)
      output[written] = isMarker ? 0x20 : text[position]
      written += 1
      position += isMarker ? 3 : 1
    }
    return written
  }
}

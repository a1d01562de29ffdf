// Owns: the way from token ids to text, one token at a time, and what must wait: the start of a
// character, the space at the start of a text.
// Must not: emit anything but whole characters.
// Source: Spec/TOKENIZER.md, "Decoding".

internal import VialFormat

/// Turns a stream of tokens into valid UTF-8.
///
/// The text of all calls together is what decoding the ids at once gives, except that a run of byte
/// tokens (SentencePiece-style tokenizers) that holds whole characters *and* broken ones keeps the
/// whole ones; `Tokenizer.decode` replaces such a run altogether, as the original does.
public struct StreamingDecoder: ~Copyable, Sendable {
  private let tokenizer: Tokenizer
  private let skipsSpecialTokens: Bool
  private var assembler = UTF8Assembler()
  private var isFirstToken: Bool
  private var stripsNextSpace: Bool

  /// A decoder at the start of a text.
  /// - Parameter continuesText: whether text came before, so that a space at the start is one.
  public init(
    _ tokenizer: Tokenizer, skipsSpecialTokens: Bool = true, continuesText: Bool = false
  ) {
    self.tokenizer = tokenizer
    self.skipsSpecialTokens = skipsSpecialTokens
    isFirstToken = !continuesText
    stripsNextSpace = !continuesText && tokenizer.has(TokenizerLayout.Flag.stripLeadingSpace)
  }

  /// Most bytes that `append` of this id can write.
  public func capacity(for id: UInt32) -> Int { (tokenizer.byteRange(of: id).count + 4) * 3 }

  /// Takes one token, writes the text that is now certain to the start of `output` and returns its
  /// length in bytes. `output` should have `capacity(for:)` bytes; more is counted, not written.
  public mutating func append(_ id: UInt32, into output: inout MutableSpan<UInt8>) -> Int {
    var count = 0
    append(id, isBroken: false, &output, &count)
    return count
  }

  /// Ends the text: an incomplete character becomes U+FFFD. At most 12 bytes.
  public mutating func finish(into output: inout MutableSpan<UInt8>) -> Int {
    var count = 0
    finish(&output, &count)
    return count
  }

  mutating func finish(_ output: inout MutableSpan<UInt8>, _ count: inout Int) {
    assembler.flush(replacement, &output, &count)
  }

  private var replacement: UTF8Assembler.Replacement {
    tokenizer.header.decoder == .byteLevel ? .perSequence : .perByte
  }

  /// Whether the id takes part in decoding at all.
  func isVisible(_ id: UInt32) -> Bool {
    tokenizer.isPresent(id) && !(skipsSpecialTokens && tokenizer.isSpecial(id))
  }

  /// Takes one token; a byte token of a run that is `isBroken` becomes U+FFFD.
  mutating func append(
    _ id: UInt32, isBroken: Bool, _ output: inout MutableSpan<UInt8>, _ count: inout Int
  ) {
    guard isVisible(id) else { return }
    let isByte = tokenizer.flags(of: id) & TokenizerLayout.TokenFlag.byte != 0
    let isText = tokenizer.header.decoder != .byteLevel && !isByte
    if isText { assembler.flush(.perByte, &output, &count) }
    let dropsSpaces = tokenizer.header.decoder == .metaspace && isFirstToken
    isFirstToken = false
    if isByte, isBroken {
      stripsNextSpace = false
      UTF8Assembler.replace(&output, &count)
      return
    }
    for index in tokenizer.byteRange(of: id) {
      let byte = tokenizer.tokenBytes.span[index]
      if byte == 0x20, dropsSpaces || stripsNextSpace {
        stripsNextSpace = false
        continue
      }
      stripsNextSpace = false
      assembler.append(byte, replacement, &output, &count)
    }
    if isText { assembler.flush(.perSequence, &output, &count) }
  }
}

extension Tokenizer {
  /// Decodes `ids` to the start of `output` and returns the text's length in bytes; what does not
  /// fit is counted, not written. The text is valid UTF-8. O(n).
  public func decode(
    _ ids: Span<UInt32>, skipsSpecialTokens: Bool = false, into output: inout MutableSpan<UInt8>
  ) -> Int {
    var decoder = StreamingDecoder(self, skipsSpecialTokens: skipsSpecialTokens)
    var count = 0
    var position = 0
    while position < ids.count {
      let run = byteRun(ids, from: position, decoder)
      for index in position..<max(run.end, position + 1) {
        decoder.append(ids[index], isBroken: run.isBroken, &output, &count)
      }
      position = max(run.end, position + 1)
    }
    decoder.finish(&output, &count)
    return count
  }

  /// Where the run of byte tokens from `position` ends, and whether it is not valid UTF-8. Ids that
  /// do not take part in decoding do not end a run.
  private func byteRun(
    _ ids: Span<UInt32>, from position: Int, _ decoder: borrowing StreamingDecoder
  ) -> (end: Int, isBroken: Bool) {
    guard header.decoder != .byteLevel else { return (position, false) }
    var assembler = UTF8Assembler()
    var nowhere = MutableSpan<UInt8>()
    var lengthOut = 0
    var lengthIn = 0
    var end = position
    while end < ids.count {
      let id = ids[end]
      if decoder.isVisible(id) {
        guard flags(of: id) & TokenizerLayout.TokenFlag.byte != 0 else { break }
        for index in byteRange(of: id) {
          assembler.append(tokenBytes.span[index], .perByte, &nowhere, &lengthOut)
          lengthIn += 1
        }
      }
      end += 1
    }
    assembler.flush(.perByte, &nowhere, &lengthOut)
    // Only replacements change the length: one byte in, three out.
    return (end, lengthIn != lengthOut)
  }
}

// Owns: what tokenizer.json does around its model (normaliser, pre-tokenizer, decoder,
// post-processor): the recognition of the combinations that Vial runs.
// Must not: guess; an unknown component is refused by name.

import VialText

/// The steps around byte-pair encoding, as the tables name them.
struct TokenizerPipeline {
  var kind = TokenizerKind.byteLevel
  var normalizer = TokenizerNormalizer.none
  var pattern = PreTokenizerPattern.none
  var decoder = TokenizerDecoder.byteLevel
  /// Bits of `TokenizerLayout.Flag`.
  var flags: UInt32 = 0
  /// Tokens around a text, by content.
  var prefix: [JSONString] = []
  var suffix: [JSONString] = []
  /// Whether the post-processor says what stands around a text.
  var hasTemplate = false
  /// Whether the decoder joins byte tokens.
  var joinsBytes = false
  /// Whether a step cuts at spaces, which is nothing when the normaliser replaces them.
  private var splitsAtSpaces = false

  private static let marker: JSONString = "\u{2581}"

  init(_ json: JSONValue) throws(TokenizerError) {
    try readPreTokenizer(json["pre_tokenizer"])
    try readNormalizer(json["normalizer"])
    try readDecoder(json["decoder"])
    try readPostProcessor(json["post_processor"])
    let hasMarker =
      pattern == .metaspace || pattern == .metaspaceSplit
      || flags & TokenizerLayout.Flag.replaceSpace != 0
    if splitsAtSpaces, flags & TokenizerLayout.Flag.replaceSpace == 0 {
      throw TokenizerError("a Split pre-tokenizer at spaces that the normaliser leaves")
    }
    if kind == .characterLevel, !hasMarker {
      throw TokenizerError("a tokenizer that neither works on bytes nor marks spaces with U+2581")
    }
  }

  /// A component and its parts: itself, or the members of a sequence.
  private static func parts(_ json: JSONValue?, _ key: String) -> [JSONValue] {
    guard let json, !json.isNull else { return [] }
    if json["type"]?.text == "Sequence" {
      return (json[key]?.array ?? []).flatMap { parts($0, key) }
    }
    return [json]
  }

  private static func unknown(_ what: String, _ json: JSONValue) -> TokenizerError {
    TokenizerError("\(what) '\(json["type"]?.text ?? "?")' is not supported in this place")
  }

  // MARK: Pre-tokenizer

  private mutating func readPreTokenizer(_ json: JSONValue?) throws(TokenizerError) {
    let parts = Self.parts(json, "pretokenizers")
    guard let last = parts.last else {
      kind = .characterLevel
      return
    }
    switch last["type"]?.text {
    case "ByteLevel": try readByteLevel(parts.dropLast(), last)
    case "Metaspace" where parts.count == 1: try readMetaspace(last)
    case "Split" where parts.count == 1: try readSpaceSplit(last)
    default: throw Self.unknown("pre-tokenizer", last)
    }
  }

  private mutating func readByteLevel(
    _ before: ArraySlice<JSONValue>, _ json: JSONValue
  ) throws(TokenizerError) {
    kind = .byteLevel
    let usesPattern = json["use_regex"]?.bool ?? true
    let prefixes = json["add_prefix_space"]?.bool ?? true
    if prefixes { flags |= TokenizerLayout.Flag.addPrefixSpace }
    if before.isEmpty {
      pattern = usesPattern ? .gpt2 : .none
    } else if before.count == 1, let digits = before.first, digits["type"]?.text == "Digits" {
      guard digits["individual_digits"]?.bool ?? false, usesPattern, !prefixes else {
        throw TokenizerError(
          "the pre-tokenizer 'Digits' is supported only digit by digit and in front of a ByteLevel"
            + " with use_regex and without add_prefix_space")
      }
      pattern = .gpt2Digits
    } else {
      guard !usesPattern, !prefixes else {
        throw TokenizerError("this sequence of pre-tokenizers is not supported")
      }
      pattern = try Self.pattern(ofSplits: before)
    }
  }

  /// The pattern of Split pre-tokenizers in sequence.
  private static func pattern(
    ofSplits splits: ArraySlice<JSONValue>
  ) throws(TokenizerError) -> PreTokenizerPattern {
    var regexes: [String] = []
    var losesUnmatched = false
    for split in splits {
      guard split["type"]?.text == "Split" else { throw unknown("pre-tokenizer", split) }
      let behavior = split["behavior"]?.text
      let inverted = split["invert"]?.bool ?? false
      guard behavior == "Isolated" && !inverted || behavior == "Removed" && inverted else {
        throw TokenizerError("a Split pre-tokenizer that does not keep the words it matches")
      }
      losesUnmatched = losesUnmatched || inverted
      guard let regex = split["pattern"]?["Regex"]?.text else {
        throw TokenizerError("a Split pre-tokenizer without a regular expression")
      }
      regexes.append(regex)
    }
    guard let known = KnownPattern.pattern(of: regexes, losesUnmatched: losesUnmatched) else {
      // The longest sequence that is known has three.
      let shown = regexes.prefix(3).map(PackingError.printable).joined(separator: "', then '")
      throw TokenizerError(
        "the pre-tokenizer's regular expression '\(shown)' is not one that Vial can keep")
    }
    return known
  }

  /// Gemma's Split at spaces, of which its normaliser leaves none.
  private mutating func readSpaceSplit(_ json: JSONValue) throws(TokenizerError) {
    guard json["pattern"]?["String"]?.text == " " else { throw Self.unknown("pre-tokenizer", json) }
    kind = .characterLevel
    splitsAtSpaces = true
  }

  private mutating func readMetaspace(_ json: JSONValue) throws(TokenizerError) {
    kind = .characterLevel
    guard json["replacement"]?.string == Self.marker else {
      throw TokenizerError("a Metaspace pre-tokenizer with another marker than U+2581")
    }
    pattern = json["split"]?.bool ?? true ? .metaspaceSplit : .metaspace
    var scheme = json["prepend_scheme"]?.text ?? "always"
    if json["add_prefix_space"]?.bool == false { scheme = "never" }
    switch scheme {
    case "always": break
    case "first": flags |= TokenizerLayout.Flag.metaspaceFirst
    case "never": flags |= TokenizerLayout.Flag.metaspaceNever
    default: throw TokenizerError("the Metaspace scheme '\(scheme)' is unknown")
    }
  }

  // MARK: Normaliser

  private mutating func readNormalizer(_ json: JSONValue?) throws(TokenizerError) {
    for part in Self.parts(json, "normalizers") {
      switch part["type"]?.text {
      case "NFC" where normalizer != .spaces && kind == .byteLevel: normalizer = .nfc
      case "Prepend"
      where kind == .characterLevel && flags & TokenizerLayout.Flag.replaceSpace == 0:
        guard part["prepend"]?.string == Self.marker else {
          throw TokenizerError("a Prepend normaliser with another marker than U+2581")
        }
        normalizer = .spaces
        flags |= TokenizerLayout.Flag.prependSpace
      case "Replace" where kind == .characterLevel && part["pattern"]?["String"]?.text == " ":
        guard part["content"]?.string == Self.marker else {
          throw TokenizerError("a Replace normaliser with another marker than U+2581")
        }
        normalizer = .spaces
        flags |= TokenizerLayout.Flag.replaceSpace
      default: throw Self.unknown("normaliser", part)
      }
    }
    let isHalf = flags & TokenizerLayout.Flag.replaceSpace == 0
    if normalizer == .spaces, isHalf {
      throw TokenizerError("a Prepend normaliser without Replace")
    }
  }

  // MARK: Decoder

  private mutating func readDecoder(_ json: JSONValue?) throws(TokenizerError) {
    let parts = Self.parts(json, "decoders")
    if kind == .byteLevel {
      guard parts.count == 1, parts[0]["type"]?.text == "ByteLevel" else {
        throw TokenizerError("a byte-level tokenizer needs the ByteLevel decoder and no other")
      }
      decoder = .byteLevel
      return
    }
    decoder = .byteFallback
    var isReplaced = false
    for part in parts {
      switch part["type"]?.text {
      case "Replace" where part["pattern"]?["String"]?.string == Self.marker:
        guard part["content"]?.text == " " else { throw Self.unknown("decoder", part) }
        isReplaced = true
      case "ByteFallback": joinsBytes = true
      case "Fuse": break
      case "Strip" where part["content"]?.text == " " && part["stop"]?.integer ?? 0 == 0:
        guard let start = part["start"]?.integer, start <= 1 else {
          throw Self.unknown("decoder", part)
        }
        if start == 1 { flags |= TokenizerLayout.Flag.stripLeadingSpace }
      case "Metaspace" where part["replacement"]?.string == Self.marker:
        isReplaced = true
        if part["prepend_scheme"]?.text != "never" { decoder = .metaspace }
      default: throw Self.unknown("decoder", part)
      }
    }
    guard isReplaced else { throw TokenizerError("no decoder that turns U+2581 into spaces") }
  }

  // MARK: Post-processor

  private mutating func readPostProcessor(_ json: JSONValue?) throws(TokenizerError) {
    for part in Self.parts(json, "processors") {
      switch part["type"]?.text {
      case "ByteLevel": break
      case "TemplateProcessing" where !hasTemplate:
        hasTemplate = true
        try readTemplate(part)
      default: throw Self.unknown("post-processor", part)
      }
    }
  }

  private mutating func readTemplate(_ json: JSONValue) throws(TokenizerError) {
    var isBehind = false
    for piece in json["single"]?.array ?? [] {
      if piece["Sequence"] != nil {
        guard !isBehind else { throw TokenizerError("a post-processor that repeats the text") }
        isBehind = true
      } else if let content = piece["SpecialToken"]?["id"]?.string {
        if isBehind { suffix.append(content) } else { prefix.append(content) }
      }
    }
    guard isBehind else { throw TokenizerError("a post-processor without the text") }
  }
}

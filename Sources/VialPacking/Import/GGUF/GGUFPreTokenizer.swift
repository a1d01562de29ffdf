// Owns: what the names in `tokenizer.ggml.pre` stand for: a GGUF file holds a byte-level
// vocabulary and its merges, and of all that is done before only a name.
// Must not: map a name whose tokenizer.json is not known to do the same.

import VialText

/// What tokenizer.json has around a byte-level vocabulary.
struct GGUFPreTokenizer {
  /// The names that are known, for messages.
  static let names = table.flatMap(\.names).joined(separator: ", ")

  /// `pre_tokenizer`.
  let steps: JSONValue
  /// Whether text is brought to NFC.
  let composes: Bool
  let ignoresMerges: Bool
  /// Whether a text begins with a token unless the file says otherwise.
  let addsBegin: Bool

  /// The pre-tokenizer of a name, or nil when it is none of the known ones.
  init?(_ name: String) {
    guard let entry = Self.table.first(where: { $0.names.contains(name) }) else { return nil }
    steps = entry.steps
    composes = entry.traits.contains(.composes)
    ignoresMerges = entry.traits.contains(.ignoresMerges)
    addsBegin = entry.traits.contains(.addsBegin)
  }

  private struct Traits: OptionSet {
    let rawValue: Int
    static let composes = Traits(rawValue: 1)
    static let ignoresMerges = Traits(rawValue: 2)
    static let addsBegin = Traits(rawValue: 4)
  }

  private static let table: [(names: [String], steps: JSONValue, traits: Traits)] = [
    (["qwen2", "deepseek-r1-qwen"], splits([KnownPattern.qwen2]), .composes),
    (["qwen35"], splits([KnownPattern.qwen35]), .composes),
    (
      ["llama-bpe", "llama3", "llama-v3"], splits([KnownPattern.llama3]),
      [.ignoresMerges, .addsBegin]
    ),
    (["glm4"], splits([KnownPattern.llama3]), .ignoresMerges),
    (["dbrx"], splits([KnownPattern.llama3]), []),
    (["tekken"], splits([KnownPattern.tekken]), [.ignoresMerges, .addsBegin]),
    (["gpt-4o", "llama4"], splits([KnownPattern.o200k]), []),
    (["deepseek-v3"], splits(KnownPattern.deepSeekV3), []),
    (["gpt-2", "phi-2"], byteLevel(usesRegex: true), []),
    (["smollm", "starcoder", "refact"], digits, []),
    (["command-r"], digits, .composes),
  ]

  /// The last step, with GPT-2's expression or without one.
  static func byteLevel(usesRegex: Bool) -> JSONValue {
    .object(
      JSONObject([
        ("type", "ByteLevel"), ("add_prefix_space", .bool(false)), ("use_regex", .bool(usesRegex)),
      ]))
  }

  private static func sequence(_ steps: [JSONValue]) -> JSONValue {
    .object(JSONObject([("type", "Sequence"), ("pretokenizers", .array(steps))]))
  }

  private static func splits(_ regexes: [String]) -> JSONValue {
    let steps = regexes.map { regex in
      JSONValue.object(
        JSONObject([
          ("type", "Split"), ("pattern", .object(JSONObject([("Regex", JSONValue(regex))]))),
          ("behavior", "Isolated"), ("invert", .bool(false)),
        ]))
    }
    return sequence(steps + [byteLevel(usesRegex: false)])
  }

  private static let digits = sequence([
    .object(JSONObject([("type", "Digits"), ("individual_digits", .bool(true))])),
    byteLevel(usesRegex: true),
  ])
}

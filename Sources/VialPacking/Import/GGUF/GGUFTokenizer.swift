// Owns: the tokenizer of a GGUF file as the tokenizer.json and tokenizer_config.json that it was
// made from, and what metadata leaves unsaid (regular expressions, normaliser, merges of a
// SentencePiece vocabulary).
// Must not: build tables: one builder makes them of both.

import VialText

/// The settings files that a GGUF file's tokenizer amounts to.
struct GGUFTokenizer {
  /// Token types of ggml.
  private enum Kind {
    static let normal: Int64 = 1
    static let unknown: Int64 = 2
    static let control: Int64 = 3
    static let userDefined: Int64 = 4
    static let unused: Int64 = 5
  }

  private let file: GGUFFile
  private let tokens: [JSONString]
  private let kinds: [Int64]

  init(_ file: GGUFFile) throws(PackingError) {
    self.file = file
    guard let list = try file.list("tokenizer.ggml.tokens"), !list.isEmpty else {
      throw file.error("no tokenizer.ggml.tokens")
    }
    tokens = try Self.texts(list, "tokenizer.ggml.tokens", file)
    var kinds: [Int64] = []
    for element in try file.list("tokenizer.ggml.token_type") ?? [] {
      guard case .integer(let kind) = element else {
        throw file.error("tokenizer.ggml.token_type is not a list of whole numbers")
      }
      kinds.append(kind)
    }
    if kinds.isEmpty { kinds = [Int64](repeating: Kind.normal, count: tokens.count) }
    guard kinds.count == tokens.count else {
      throw file.error("\(kinds.count) token types for \(tokens.count) tokens")
    }
    self.kinds = kinds
  }

  private static func texts(
    _ list: [GGUFValue], _ key: String, _ file: GGUFFile
  ) throws(PackingError) -> [JSONString] {
    var out: [JSONString] = []
    out.reserveCapacity(list.count)
    for element in list {
      guard case .string(let bytes) = element, String(validating: bytes, as: UTF8.self) != nil
      else { throw file.error("\(key) is not a list of UTF-8 strings") }
      out.append(JSONString(bytes: bytes))
    }
    return out
  }

  /// The tokenizer's tables and chat template.
  /// - Parameter rowCount: rows of the embedding; nil when they are not known.
  func settings(rowCount: Int? = nil) throws(PackingError) -> TokenizerSettings {
    let tokenizer: [(String, JSONValue)]
    let addsBegin: Bool
    switch try file.string("tokenizer.ggml.model") {
    case "gpt2": (tokenizer, addsBegin) = try byteLevel()
    case "llama":
      tokenizer = try sentencePiece(merges: .array(try scoredMerges()), addsSpace: true)
      addsBegin = true
    case "gemma4":
      tokenizer = try sentencePiece(merges: try listedMerges(), addsSpace: false)
      addsBegin = true
    case let other:
      throw file.error(
        "tokenizer.ggml.model \(PackingError.printable(other ?? "(none)")) is not supported (gpt2,"
          + " llama, gemma4)"
      )
    }
    return try TokenizerSettings(
      tokenizer: Settings(JSONObject(tokenizer), fileName: "\(file.source.name): tokenizer"),
      settings: Settings(
        JSONObject(try configuration(addsBegin: addsBegin)),
        fileName: "\(file.source.name): tokenizer"),
      templateFile: nil, rowCount: rowCount)
  }

  /// The members of tokenizer_config.json.
  private func configuration(addsBegin: Bool) throws(PackingError) -> [(String, JSONValue)] {
    var members: [(String, JSONValue)] = [
      (
        "add_bos_token",
        .bool(try file.flag("tokenizer.ggml.add_bos_token") ?? addsBegin)
      ),
      ("add_eos_token", .bool(try file.flag("tokenizer.ggml.add_eos_token") ?? false)),
    ]
    for (name, key) in [
      ("bos_token", "bos"), ("eos_token", "eos"), ("pad_token", "padding"),
      ("unk_token", "unknown"),
    ] {
      let key = "tokenizer.ggml.\(key)_token_id"
      if let id = try file.integer(key, 0...tokens.count - 1), kinds[id] != Kind.unused {
        members.append((name, .string(tokens[id])))
      }
    }
    if let template = try file.string("tokenizer.chat_template") {
      members.append(("chat_template", .string(JSONString(template))))
    }
    return members
  }

  // MARK: Vocabulary

  private func isAdded(_ id: Int) -> Bool {
    [Kind.unknown, Kind.control, Kind.userDefined].contains(kinds[id])
  }

  /// The vocabulary and the added tokens. Where added tokens simply follow the vocabulary they are
  /// not part of it, as in the files of Hugging Face; elsewhere they are.
  private func vocabulary() throws(PackingError) -> (vocabulary: JSONValue, added: JSONValue) {
    let used = tokens.indices.filter { kinds[$0] != Kind.unused }
    let firstAdded = used.first(where: isAdded) ?? tokens.count
    let follow = used.filter { $0 >= firstAdded }
    let isTail =
      follow.allSatisfy(isAdded) && follow.elementsEqual(firstAdded..<firstAdded + follow.count)
      && used.count - follow.count == firstAdded
    var members: [(JSONString, JSONValue)] = []
    var added: [JSONValue] = []
    for id in used {
      let isAdded = isAdded(id)
      if !isAdded || !isTail { members.append((tokens[id], .integer(Int64(id)))) }
      guard isAdded else { continue }
      added.append(
        .object(
          JSONObject([
            ("id", .integer(Int64(id))), ("content", .string(tokens[id])),
            ("normalized", .bool(false)), ("special", .bool(kinds[id] != Kind.userDefined)),
          ])))
    }
    var seen = Set<JSONString>()
    for member in members where !seen.insert(member.0).inserted {
      throw file.error("token \(PackingError.printable(member.0.bytes)) appears twice")
    }
    return (.object(JSONObject(members)), .array(added))
  }

  // MARK: Byte-level BPE

  private func byteLevel() throws(PackingError) -> ([(String, JSONValue)], Bool) {
    let name = try file.string("tokenizer.ggml.pre")
    guard let before = name.flatMap(GGUFPreTokenizer.init) else {
      throw file.error(
        "tokenizer.ggml.pre \(PackingError.printable(name ?? "(none)")) is not supported"
          + " (\(GGUFPreTokenizer.names))")
    }
    let (vocabulary, added) = try vocabulary()
    let members: [(String, JSONValue)] = [
      ("added_tokens", added),
      ("normalizer", before.composes ? .object(JSONObject([("type", "NFC")])) : .null),
      ("pre_tokenizer", before.steps),
      ("decoder", GGUFPreTokenizer.byteLevel(usesRegex: false)),
      (
        "model",
        .object(
          JSONObject([
            ("type", "BPE"), ("ignore_merges", .bool(before.ignoresMerges)), ("vocab", vocabulary),
            ("merges", try listedMerges()),
          ]))
      ),
    ]
    return (members, before.addsBegin)
  }

  private func listedMerges() throws(PackingError) -> JSONValue {
    guard let list = try file.list("tokenizer.ggml.merges") else {
      throw file.error("no tokenizer.ggml.merges")
    }
    return .array(try Self.texts(list, "tokenizer.ggml.merges", file).map { .string($0) })
  }

  // MARK: SentencePiece

  /// - Parameters:
  ///   - merges: the merges, which older files leave to the tokens' scores.
  ///   - addsSpace: whether a space is put in front unless the file says otherwise.
  private func sentencePiece(
    merges: JSONValue, addsSpace: Bool
  ) throws(PackingError) -> [(String, JSONValue)] {
    let (vocabulary, added) = try vocabulary()
    let marker = JSONValue("\u{2581}")
    let replace = JSONObject([
      ("type", "Replace"), ("pattern", .object(JSONObject([("String", " ")]))),
      ("content", marker),
    ])
    var normalizers: [JSONValue] = [.object(replace)]
    var decoders: [JSONValue] = [
      .object(
        JSONObject([
          ("type", "Replace"), ("pattern", .object(JSONObject([("String", marker)]))),
          ("content", " "),
        ])), .object(JSONObject([("type", "ByteFallback")])),
      .object(JSONObject([("type", "Fuse")])),
    ]
    if try file.flag("tokenizer.ggml.add_space_prefix") ?? addsSpace {
      normalizers.insert(
        .object(JSONObject([("type", "Prepend"), ("prepend", marker)])), at: 0)
      decoders.append(
        .object(
          JSONObject([
            ("type", "Strip"), ("content", " "), ("start", .integer(1)), ("stop", .integer(0)),
          ])))
    }
    var model: [(String, JSONValue)] = [
      ("type", "BPE"), ("fuse_unk", .bool(true)), ("byte_fallback", .bool(true)),
      ("vocab", vocabulary), ("merges", merges),
    ]
    let unknown = try file.integer("tokenizer.ggml.unknown_token_id", 0...tokens.count - 1)
    if let unknown { model.append(("unk_token", .string(tokens[unknown]))) }
    return [
      ("added_tokens", added),
      (
        "normalizer",
        .object(JSONObject([("type", "Sequence"), ("normalizers", .array(normalizers))]))
      ),
      (
        "decoder", .object(JSONObject([("type", "Sequence"), ("decoders", .array(decoders))]))
      ),
      ("model", .object(JSONObject(model))),
    ]
  }

  /// Merges from scores: every way to put a token together from two, the best-scored token first.
  private func scoredMerges() throws(PackingError) -> [JSONValue] {
    var scores: [Double] = []
    for element in try file.list("tokenizer.ggml.scores") ?? [] {
      guard case .number(let score) = element, score.isFinite else {
        throw file.error("tokenizer.ggml.scores is not a list of numbers")
      }
      scores.append(score)
    }
    guard scores.count == tokens.count else {
      throw file.error("\(scores.count) scores for \(tokens.count) tokens")
    }
    var ids: [JSONString: Int] = [:]
    for id in tokens.indices where kinds[id] == Kind.normal { ids[tokens[id]] = id }
    var merges: [ScoredMerge] = []
    for id in tokens.indices where kinds[id] == Kind.normal {
      merges += ScoredMerge.all(of: tokens[id], id: id, score: scores[id], ids)
    }
    merges.sort()
    return merges.map { .array([.string(tokens[$0.left]), .string(tokens[$0.right])]) }
  }
}

/// Two tokens that make a third, in the order in which transformers' converter lists them.
private struct ScoredMerge: Comparable {
  let score: Double
  /// In characters.
  let leftLength: Int
  let rightLength: Int
  let id: Int
  let left: Int
  let right: Int

  /// The ways to make a token from two others.
  static func all(
    of token: JSONString, id: Int, score: Double, _ ids: [JSONString: Int]
  ) -> [ScoredMerge] {
    let bytes = token.bytes
    let starts = bytes.indices.filter { bytes[$0] & 0xC0 != 0x80 }
    return starts.enumerated().dropFirst().compactMap { count, start in
      guard let left = ids[JSONString(bytes: Array(bytes[..<start]))],
        let right = ids[JSONString(bytes: Array(bytes[start...]))]
      else { return nil }
      return ScoredMerge(
        score: score, leftLength: count, rightLength: starts.count - count, id: id, left: left,
        right: right)
    }
  }

  static func < (a: ScoredMerge, b: ScoredMerge) -> Bool {
    // Descending by score and lengths; equal ones stay in the order of token, left and right id.
    if a.score != b.score { return a.score > b.score }
    if a.leftLength != b.leftLength { return a.leftLength > b.leftLength }
    if a.rightLength != b.rightLength { return a.rightLength > b.rightLength }
    return (a.id, a.left, a.right) < (b.id, b.left, b.right)
  }
}

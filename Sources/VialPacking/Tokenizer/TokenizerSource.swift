// Owns: tokenizer.json as plain values (vocabulary, merges, added tokens): what the builder of the
// tables needs, nothing else.
// Must not: drop what it does not know; anything that would change an id is refused.

import VialText

/// The parts of a `tokenizer.json`.
struct TokenizerSource {
  /// A token that is matched in text before the vocabulary is asked.
  struct AddedToken {
    var id: UInt32
    var content: JSONString
    var singleWord = false
    var stripsLeft = false
    var stripsRight = false
    var normalized = false
    var special = false
  }

  /// Two neighbours that become one.
  struct MergeRule {
    let left: JSONString
    let right: JSONString
    /// Position in the file, counted from 1 as messages do.
    let line: Int
  }

  var vocabulary: [(token: JSONString, id: UInt32)] = []
  var idByToken: [JSONString: UInt32] = [:]
  var merges: [MergeRule] = []
  var addedTokens: [AddedToken] = []
  var unknownToken: JSONString?
  var fusesUnknown = false
  var fallsBackToBytes = false
  var ignoresMerges = false
  /// What differs from the file, and what is left out.
  var notices = PackNotices()
  /// Tokens that were left out, because the embedding has no row for them.
  var leftOut: [JSONString: UInt32] = [:]

  /// - Parameters:
  ///   - settings: tokens that other files name.
  ///   - rowCount: rows of the embedding; nil when they are not known.
  init(
    _ json: JSONValue, settings: SettingsTokens = SettingsTokens(config: nil), rowCount: Int? = nil
  ) throws(TokenizerError) {
    guard let model = json["model"], model.object != nil else {
      throw TokenizerError("no \"model\"")
    }
    if let type = model["type"]?.text, type != "BPE" {
      throw TokenizerError("model type '\(type)' is not supported, only BPE is")
    }
    if let dropout = model["dropout"]?.number, dropout != 0 {
      throw TokenizerError("a tokenizer with dropout gives no fixed answer")
    }
    for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
      if let affix = model[key]?.string, !affix.bytes.isEmpty {
        throw TokenizerError("\"\(key)\" is not supported")
      }
    }
    unknownToken = model["unk_token"]?.string
    fusesUnknown = model["fuse_unk"]?.bool ?? false
    fallsBackToBytes = model["byte_fallback"]?.bool ?? false
    ignoresMerges = model["ignore_merges"]?.bool ?? false
    try readVocabulary(model["vocab"])
    try readMerges(model["merges"])
    try readAddedTokens(json["added_tokens"])
    notices += settings.notices
    add(settings)
    if let rowCount { try leaveOut(from: rowCount) }
  }

  private mutating func readVocabulary(_ json: JSONValue?) throws(TokenizerError) {
    guard let members = json?.object?.members else { throw TokenizerError("no vocabulary") }
    vocabulary.reserveCapacity(members.count)
    idByToken.reserveCapacity(members.count)
    var seen = Set<UInt32>(minimumCapacity: members.count)
    for member in members {
      guard let value = member.value.integer, value >= 0, value < 1 << 24 else {
        throw TokenizerError("the id of token '\(member.key)' is not a number below 16777216")
      }
      let id = UInt32(value)
      guard seen.insert(id).inserted else {
        throw TokenizerError("two tokens have the id \(id), one of them is '\(member.key)'")
      }
      vocabulary.append((member.key, id))
      idByToken[member.key] = id
    }
  }

  private mutating func readMerges(_ json: JSONValue?) throws(TokenizerError) {
    guard let elements = json?.array else { throw TokenizerError("no list of merges") }
    merges.reserveCapacity(elements.count)
    for (index, element) in elements.enumerated() {
      if let string = element.string {
        if string.bytes.starts(with: "#version".utf8) { continue }
        let parts = string.bytes.split(separator: 0x20, omittingEmptySubsequences: false)
        guard parts.count == 2 else {
          throw TokenizerError("merge \(index + 1) '\(string)' is not two tokens and one space")
        }
        merges.append(
          MergeRule(
            left: JSONString(bytes: Array(parts[0])), right: JSONString(bytes: Array(parts[1])),
            line: index + 1))
      } else if let pair = element.array, pair.count == 2, let left = pair[0].string,
        let right = pair[1].string
      {
        merges.append(MergeRule(left: left, right: right, line: index + 1))
      } else {
        throw TokenizerError("merge \(index + 1) is neither a string nor a pair of strings")
      }
    }
  }

  /// Added tokens get their ids as the original library gives them: the vocabulary's id of the same
  /// text, else the next free one.
  private mutating func readAddedTokens(_ json: JSONValue?) throws(TokenizerError) {
    var nextId = UInt32(vocabulary.count)
    var idByContent: [JSONString: UInt32] = [:]
    var positions: [UInt32: Int] = [:]
    for (index, element) in (json?.array ?? []).enumerated() {
      guard let content = element["content"]?.string else {
        throw TokenizerError("added token \(index + 1) has no content")
      }
      if content.bytes.isEmpty { continue }
      let id: UInt32
      if let known = idByContent[content] ?? idByToken[content] {
        id = known
      } else {
        id = nextId
        nextId += 1
      }
      idByContent[content] = id
      if let stated = element["id"]?.integer, stated != Int64(id) {
        notices.differs(
          "added token '\(content)' states id \(stated) but gets \(id), as in the tokenizers library"
        )
      }
      let flag = { (key: String) in element[key]?.bool ?? false }
      let token = AddedToken(
        id: id, content: content, singleWord: flag("single_word"), stripsLeft: flag("lstrip"),
        stripsRight: flag("rstrip"), normalized: element["normalized"]?.bool ?? true,
        special: flag("special"))
      if let position = positions[id] {
        let wasSpecial = addedTokens[position].special
        addedTokens[position] = token
        addedTokens[position].special = token.special || wasSpecial
      } else {
        positions[id] = addedTokens.count
        addedTokens.append(token)
      }
    }
  }

  /// Tokens that only settings name get the next free ids, as in transformers; those that are there
  /// may get other flags.
  private mutating func add(_ settings: SettingsTokens) {
    var positions: [JSONString: Int] = [:]
    for (index, token) in addedTokens.enumerated() { positions[token.content] = index }
    var nextId = UInt32(vocabulary.count)
    for token in addedTokens { nextId = max(nextId, token.id &+ 1) }
    for entry in settings.entries where !entry.token.content.bytes.isEmpty {
      var token = entry.token
      if let position = positions[token.content] {
        guard entry.replaces else { continue }
        token.id = addedTokens[position].id
        addedTokens[position] = token
        continue
      }
      if let known = idByToken[token.content] {
        token.id = known
      } else {
        token.id = nextId
        nextId += 1
      }
      positions[token.content] = addedTokens.count
      addedTokens.append(token)
    }
  }
}

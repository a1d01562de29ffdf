// Owns: tokens that settings beside tokenizer.json name (tokenizer_config.json,
// special_tokens_map.json, added_tokens.json): which of the files counts, and in which order their
// tokens get ids.
// Must not: give ids.
// Source: transformers 5.23, `PreTrainedTokenizerBase._from_pretrained` and
// `TokenizersBackend.__init__`.

import VialText

/// The tokens of the settings, in the order in which the original adds them.
struct SettingsTokens {
  /// A token and how it changes one that tokenizer.json has already.
  struct Entry {
    var token: TokenizerSource.AddedToken
    /// Whether its flags replace those of a token of the same text.
    var replaces = false
  }

  /// Names of the tokens that have a part to play.
  private static let names = [
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token",
  ]

  private(set) var entries: [Entry] = []
  /// `bos_token` and the like, and names of the model's own that end in `_token`.
  private(set) var named: [(name: String, content: JSONString)] = []
  /// Files that do not count.
  private(set) var notices = PackNotices()
  private var extra: [JSONValue] = []

  /// - Parameters:
  ///   - config: the parsed tokenizer_config.json.
  ///   - map: the parsed special_tokens_map.json.
  ///   - added: the parsed added_tokens.json.
  init(config: JSONValue?, map: JSONValue? = nil, added: JSONValue? = nil) {
    let decoder = config?["added_tokens_decoder"]?.object
    if decoder != nil, map != nil || added != nil {
      ignore(map, added)
    }
    let map = decoder == nil ? map : nil
    readNames(config, map)
    if let decoder {
      readDecoder(decoder)
    } else if let members = added?.object?.members {
      readAdded(members)
    }
    appendNames(config, map)
    for value in extra { append(value) }
  }

  private mutating func ignore(_ map: JSONValue?, _ added: JSONValue?) {
    let files = [("special_tokens_map.json", map), ("added_tokens.json", added)]
    for (name, value) in files where value != nil {
      notices.differs(
        "\(name) does not count, as in transformers: tokenizer_config.json has added_tokens_decoder"
      )
    }
  }

  private static func value(_ name: String, _ config: JSONValue?, _ map: JSONValue?) -> JSONValue? {
    if let value = map?[name], !value.isNull { return value }
    guard let value = config?[name], !value.isNull else { return nil }
    return value
  }

  private static func content(_ value: JSONValue) -> JSONString? {
    value.string ?? value["content"]?.string
  }

  /// What has a name, and the lists of those that have none.
  private mutating func readNames(_ config: JSONValue?, _ map: JSONValue?) {
    for name in Self.names {
      if let content = Self.value(name, config, map).flatMap(Self.content) {
        named.append((name, content))
      }
    }
    // Names of the model's own: keys that end so, and objects of them.
    for member in config?.object?.members ?? [] {
      let name = member.key.text
      guard name.hasSuffix("_token"), !Self.names.contains(name),
        let content = member.value.string
          ?? (member.value["__type"] == nil ? nil : Self.content(member.value))
      else { continue }
      named.append((name, content))
    }
    let lists = [config?["extra_special_tokens"], config?["additional_special_tokens"]]
    // The newer key counts when both are there.
    for value in lists.compactMap({ $0 }) where extra.isEmpty {
      extra = value.array ?? []
      for member in value.object?.members ?? [] {
        guard let content = Self.content(member.value) else { continue }
        named.append((member.key.text, content))
      }
    }
    extra += map?["extra_special_tokens"]?.array ?? []
    if extra.isEmpty { extra = map?["additional_special_tokens"]?.array ?? [] }
  }

  /// tokenizer_config.json's list of all added tokens, by ascending id.
  private mutating func readDecoder(_ decoder: JSONObject) {
    let members = decoder.members.compactMap { member in
      Int(member.key.text).map { (id: $0, value: member.value) }
    }
    let special = Set(named.map(\.content))
    for member in members.sorted(by: { $0.id < $1.id }) {
      guard let content = member.value["content"]?.string else { continue }
      var token = Self.token(content, member.value, special: false)
      token.special = token.special || special.contains(content)
      entries.append(Entry(token: token, replaces: true))
    }
  }

  /// added_tokens.json, by ascending id: no flags, but that tokens of the settings are special.
  private mutating func readAdded(_ members: [JSONObject.Member]) {
    let special = Set(named.map(\.content)).union(extra.compactMap(Self.content))
    let ordered = members.compactMap { member in member.value.integer.map { (member.key, $0) } }
    for (content, _) in ordered.sorted(by: { $0.1 < $1.1 }) {
      var token = TokenizerSource.AddedToken(id: 0, content: content)
      token.special = special.contains(content)
      token.normalized = !token.special
      entries.append(Entry(token: token))
    }
  }

  private mutating func appendNames(_ config: JSONValue?, _ map: JSONValue?) {
    for (name, content) in named {
      let value = Self.value(name, config, map) ?? .null
      entries.append(Entry(token: Self.token(content, value, special: true)))
    }
  }

  private mutating func append(_ value: JSONValue) {
    guard let content = Self.content(value) else { return }
    entries.append(Entry(token: Self.token(content, value, special: value.string != nil)))
  }

  /// A token with the flags of its description; a text alone has none.
  private static func token(
    _ content: JSONString, _ value: JSONValue, special: Bool
  ) -> TokenizerSource.AddedToken {
    let flag = { (key: String) in value[key]?.bool ?? false }
    let isSpecial = special || flag("special")
    return TokenizerSource.AddedToken(
      id: 0, content: content, singleWord: flag("single_word"), stripsLeft: flag("lstrip"),
      stripsRight: flag("rstrip"), normalized: value["normalized"]?.bool ?? !isSpecial,
      special: isSpecial)
  }
}

// Owns: what `tokenizer.json` and the settings beside it say: the tables, the first token of a
// text, those that end one, the chat template.
// Must not: know the tables' layout; Tokenizer/ builds them.

import VialText

/// Settings of a checkpoint's tokenizer.
struct TokenizerSettings: Sendable {
  /// The tokenizer section and what it tells.
  var tables: TokenizerTables
  /// Id of the token that begins a text, where the tokenizer has one.
  var beginToken: Int?
  /// Whether a text gets it by itself.
  var addsBeginToken: Bool
  /// The chat template, as found and as compiled.
  var chatTemplate: ChatTemplateSource

  /// What the user should know.
  var notices: PackNotices { origin + tables.notices.printable + chatTemplate.notices }
  private let origin: PackNotices

  /// Settings files that name tokens, beside tokenizer.json and tokenizer_config.json.
  struct TokenFiles {
    /// The parsed special_tokens_map.json.
    var map: Settings?
    /// The parsed added_tokens.json.
    var added: Settings?
  }

  /// Reads all of them.
  ///
  /// - Parameters:
  ///   - tokenizer: the parsed `tokenizer.json`.
  ///   - settings: the parsed `tokenizer_config.json`, or nil when the folder has none.
  ///   - tokenFiles: other files that name tokens.
  ///   - templateFile: the bytes of `chat_template.jinja`, which wins over the setting, or nil.
  ///   - rowCount: rows of the embedding; nil when they are not known.
  init(
    tokenizer: Settings, settings: Settings?, tokenFiles: TokenFiles = TokenFiles(),
    templateFile: [UInt8]?, rowCount: Int?
  ) throws(PackingError) {
    origin = [tokenizer, settings, tokenFiles.map, tokenFiles.added].reduce(into: PackNotices()) {
      if let more = $1?.notices { $0 += more }
    }
    do {
      tables = try TokenizerTables.build(
        tokenizer: tokenizer.json, tokenizerConfig: settings?.json,
        specialTokensMap: tokenFiles.map?.json, addedTokens: tokenFiles.added?.json,
        rowCount: rowCount)
    } catch {
      throw PackingError(PackingError.printable("\(error)"))
    }
    let prefix = try Self.templatePrefix(tokenizer)
    beginToken = tables.bosToken.map { Int($0) } ?? prefix
    let explicit = try settings?.flag("add_bos_token")
    addsBeginToken = (explicit ?? (prefix != nil)) && beginToken != nil
    chatTemplate = ChatTemplateSource(
      settings: settings, file: templateFile, specialTokens: tables.specialTokens)
  }

  /// The id of the special token that the post-processor's template for one text begins with.
  private static func templatePrefix(_ tokenizer: Settings) throws(PackingError) -> Int? {
    guard let processor = tokenizer.value("post_processor") else { return nil }
    for step in [processor] + (processor["processors"]?.array ?? [])
    where step["type"]?.text == "TemplateProcessing" {
      guard let name = step["single"]?[0]?["SpecialToken"]?["id"]?.string else { return nil }
      guard let id = step["special_tokens"]?.object?[name]?["ids"]?[0]?.integer else {
        throw tokenizer.error("post_processor names a special token without an id")
      }
      return Int(exactly: id)
    }
    return nil
  }
}

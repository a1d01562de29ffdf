// What `tokenizer_config.json` and `tokenizer.json` say beyond the vocabulary: the first token of a text, and
// the chat template. Must not: know the tables' layout;
// Tokenizer/ builds them.

/// Settings of a checkpoint's tokenizer.
struct TokenizerSettings: Sendable {
  /// The tokenizer section and what it tells.
  var tables: TokenizerTables
  /// Id of the token that begins a text, where the tokenizer has one.
  var beginToken: Int?
  /// Whether a text gets it by itself.
  var addsBeginToken: Bool
  /// Source of the chat template, when there is one.
  var chatTemplate: [UInt8]?

  /// Reads both files.
  ///
  /// - Parameters:
  ///   - tokenizer: the parsed `tokenizer.json`.
  ///   - settings: the parsed `tokenizer_config.json`, or nil when the folder has none.
  ///   - templateFile: the bytes of `chat_template.jinja`, which wins over the setting, or nil.
  init(
    tokenizer: Settings, settings: Settings?, templateFile: [UInt8]?
  ) throws(PackingError) {
    do {
      tables = try TokenizerTables.build(tokenizer: tokenizer.json, tokenizerConfig: settings?.json)
    } catch {
      throw PackingError(PackingError.printable("\(error)"))
    }
    let prefix = try Self.templatePrefix(tokenizer)
    beginToken = tables.bosToken.map { Int($0) } ?? prefix
    let explicit = try settings?.flag("add_bos_token")
    addsBeginToken = (explicit ?? (prefix != nil)) && beginToken != nil
    if let templateFile {
      chatTemplate = templateFile
    } else {
      chatTemplate = try settings.map(Self.template) ?? nil
    }
  }

  /// `chat_template`: a string, or a list of named ones of which "default" is meant.
  private static func template(_ settings: Settings) throws(PackingError) -> [UInt8]? {
    guard let value = settings.value("chat_template") else { return nil }
    if let text = value.string { return text.bytes }
    for entry in value.array ?? [] where entry["name"]?.text == "default" {
      if let text = entry["template"]?.string { return text.bytes }
    }
    throw settings.error("chat_template is neither a string nor a list with a default")
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

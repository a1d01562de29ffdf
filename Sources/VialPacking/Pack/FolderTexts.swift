// Owns: the small files of a checkpoint beside config.json: which of them exist, what they say,
// which of them travel in the packed file as cold text.
// Must not: read weights.

import VialFormat

/// The texts of a checkpoint folder.
struct FolderTexts {
  /// Spellings of a licence file, in order of preference.
  private static let licenseNames = ["LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "COPYING"]

  private(set) var texts: [PackSource.Text] = []
  private(set) var files: [SourceFile] = []
  private(set) var generation = GenerationDefaults()
  private(set) var tokenizer: TokenizerSettings
  /// What the user should know.
  private(set) var notices = PackNotices()
  /// From the model card.
  private(set) var license: String?

  /// Reads what is there; only `tokenizer.json` must be.
  /// - Parameter rowCount: rows of the embedding.
  init(_ folder: CheckpointFolder, rowCount: Int) throws(PackingError) {
    guard let tokenizerBytes = try folder.readIfPresent("tokenizer.json") else {
      throw PackingError(
        "no tokenizer.json in the checkpoint (a tokenizer.model alone is not read; convert it with transformers)"
      )
    }
    let settingsBytes = try folder.readIfPresent("tokenizer_config.json")
    let templateBytes = try folder.readIfPresent("chat_template.jinja")
    var settings: Settings?
    if let settingsBytes {
      settings = try Settings(parsing: settingsBytes, fileName: "tokenizer_config.json")
    }
    tokenizer = try TokenizerSettings(
      tokenizer: Settings(
        parsing: tokenizerBytes, fileName: "tokenizer.json", isStrict: true),
      settings: settings,
      tokenFiles: .init(
        map: Self.settings("special_tokens_map.json", folder),
        added: Self.settings("added_tokens.json", folder)),
      templateFile: templateBytes, rowCount: rowCount)
    for name in ["special_tokens_map.json", "added_tokens.json"] where folder.has(name) {
      files.append(try folder.open(name))
    }
    try add("tokenizer.json", .tokenizerJSON, tokenizerBytes, folder)
    if let settingsBytes {
      try add("tokenizer_config.json", .tokenizerConfigJSON, settingsBytes, folder)
    }
    if templateBytes != nil { files.append(try folder.open("chat_template.jinja")) }
    if let template = tokenizer.chatTemplate.text, !template.isEmpty {
      texts.append(PackSource.Text(section: .chatTemplateSource, bytes: template))
    }
    if let card = try folder.readIfPresent("README.md") {
      license = ModelCard(card).license
      try add("README.md", .modelCard, card, folder)
    }
    for name in Self.licenseNames where folder.has(name) {
      try add(name, .license, folder.read(name), folder)
      break
    }
    if let bytes = try folder.readIfPresent("generation_config.json") {
      generation = try GenerationDefaults(
        Settings(parsing: bytes, fileName: "generation_config.json"))
      notices += generation.notices
      try add("generation_config.json", .generationConfigJSON, bytes, folder)
    }
  }

  /// A settings file; nil when the folder has none of that name.
  private static func settings(
    _ name: String, _ folder: CheckpointFolder
  ) throws(PackingError) -> Settings? {
    guard let bytes = try folder.readIfPresent(name) else { return nil }
    return try Settings(parsing: bytes, fileName: name)
  }

  private mutating func add(
    _ name: String, _ section: TextSection, _ bytes: [UInt8], _ folder: CheckpointFolder
  ) throws(PackingError) {
    files.append(try folder.open(name))
    guard String(validating: bytes, as: UTF8.self) != nil else {
      notices.omits("\(name) is not UTF-8; left out")
      return
    }
    if !bytes.isEmpty { texts.append(PackSource.Text(section: section, bytes: bytes)) }
  }
}

// Owns: everything about a source but its tensors, in one form for checkpoint folders and GGUF
// files: which file says what.
// Must not: read weights.

import VialFormat

/// Configuration, tokenizer and texts of a source.
struct SourceParts {
  let configuration: CheckpointConfiguration
  let generation: GenerationDefaults
  let tokenizer: TokenizerSettings
  let texts: [PackSource.Text]
  /// Files that digests are taken of, but for a folder's weights.
  let files: [SourceFile]
  /// What the user should know, but for what the tokenizer says.
  let notices: PackNotices
  /// What it calls itself; never a folder's or a file's name, which whoever copies it may change.
  let modelName: String?
  let license: String?
  /// What a folder says about its own quantisation.
  let quantization: SourceQuantization?
  /// The types of a GGUF file; nil for a folder.
  let origin: RecipeReport.Origin?
  /// Where tokenizer and configuration stand, for messages.
  let tokenizerName: String
  let configurationName: String

  /// Reads a checkpoint folder.
  init(_ folder: CheckpointFolder) throws(PackingError) {
    guard let configBytes = try folder.readIfPresent("config.json") else {
      throw PackingError("\(PackingError.printable(folder.path)): no config.json in the folder")
    }
    let settings = try Settings(parsing: configBytes, fileName: "config.json")
    configuration = try CheckpointConfiguration(settings)
    quantization = try SourceQuantization.read(folder, config: settings)
    origin = nil
    let contents = try FolderTexts(folder, rowCount: configuration.vocabularySize)
    texts = [.init(section: .configJSON, bytes: configBytes)] + contents.texts
    generation = contents.generation
    tokenizer = contents.tokenizer
    notices = configuration.notices + contents.notices + (quantization?.notices ?? PackNotices())
    files = try contents.files + [folder.open("config.json")]
    modelName = configuration.modelName
    license = contents.license
    (tokenizerName, configurationName) = ("tokenizer.json", "config.json")
  }

  /// Reads a GGUF file, which holds everything itself.
  init(_ file: GGUFFile) throws(PackingError) {
    configuration = try CheckpointConfiguration(file)
    quantization = nil
    tokenizer = try GGUFTokenizer(file).settings(rowCount: configuration.vocabularySize)
    let template = tokenizer.chatTemplate.text ?? []
    texts = template.isEmpty ? [] : [.init(section: .chatTemplateSource, bytes: template)]
    generation = GenerationDefaults()
    notices = PackNotices()
    files = [file.source]
    modelName = configuration.modelName
    license = try file.string("general.license").map(PackingError.printable)
    let types = Set(file.tensors.values.map(\.type.name)).sorted().joined(separator: ", ")
    origin = RecipeReport.Origin(name: "gguf", summary: "gguf, tensors of \(types)")
    (tokenizerName, configurationName) = (file.source.name, file.source.name)
  }

  /// The tokenizer must not name a token that the embedding lacks: few were left out, many make it
  /// another model's.
  func checkVocabulary() throws(PackingError) {
    guard tokenizer.tables.tokenCount <= configuration.vocabularySize else {
      throw PackingError(
        "\(tokenizerName) has ids up to \(tokenizer.tables.tokenCount - 1), but vocab_size in"
          + " \(configurationName) is \(configuration.vocabularySize)")
    }
  }
}

// Everything that a pack knows before it opens its output: settings, plan, recipe, tokenizer and texts.
// Owns: the joining of what several files say about one thing (end tokens, first token, names).

import VialFormat

/// A checkpoint that was read and checked, but for its weights.
struct PackSource: Sendable {
  /// A cold text of the file.
  struct Text: Sendable {
    var section: TextSection
    var bytes: [UInt8]
  }

  let configuration: CheckpointConfiguration
  let generation: GenerationDefaults
  let tokenizer: TokenizerSettings
  /// What is stored how, in words.
  let report: RecipeReport
  let tensors: TensorSources
  let texts: [Text]
  /// Files that digests are taken of.
  let files: [SourceFile]
  let modelName: String
  let licence: String?
  let options: PackOptions

  /// Reads the folder of `options`.
  init(_ options: PackOptions, observer: PackObserver) throws(PackingError) {
    self.options = options
    let folder = try CheckpointFolder(path: options.sourcePath)
    guard let configBytes = try folder.readIfPresent("config.json") else {
      throw PackingError(
        "\(PackingError.printable(options.sourcePath)): no config.json in the folder")
    }
    let settings = try Settings(parsing: configBytes, fileName: "config.json")
    configuration = try CheckpointConfiguration(settings)
    let recipe = try options.recipe.resolved(tied: configuration.tiedEmbedding)
    let quantization = try SourceQuantization.read(folder, config: settings)
    let contents = try FolderTexts(folder)
    texts = [Text(section: .configJSON, bytes: configBytes)] + contents.texts
    generation = contents.generation
    tokenizer = contents.tokenizer
    for warning in contents.warnings + tokenizer.warnings { observer.warning(warning) }
    guard tokenizer.tables.tokenCount <= configuration.vocabularySize else {
      throw PackingError(
        "tokenizer.json has ids up to \(tokenizer.tables.tokenCount - 1), but vocab_size in config.json is"
          + " \(configuration.vocabularySize)")
    }
    let plan = TensorPlan(configuration)
    if let seed = options.randomSeed {
      tensors = try TensorSources(random: plan, seed: seed, recipe: recipe)
      report = RecipeReport(tensors, import: nil)
    } else {
      tensors = try TensorSources(
        checkpoint: folder, plan: plan, recipe: recipe, quantization: quantization)
      report = RecipeReport(
        tensors, import: quantization.map { .init(name: $0.name, summary: $0.summary) })
    }
    for name in tensors.unexpectedNames(tied: configuration.tiedEmbedding).prefix(10) {
      observer.warning(
        "tensor \(name) is not part of \(configuration.architecture.className); left out")
    }
    files = try contents.files + [folder.open("config.json")] + tensors.files
    modelName = options.modelName ?? configuration.modelName ?? folder.name
    licence = options.licence ?? contents.licence
  }

  /// Ids that end an answer: those of both files, ascending.
  var endTokens: [Int] { Set(generation.endTokens + configuration.endTokens).sorted() }

  /// The configuration section's contents.
  func modelConfiguration() throws(PackingError) -> ModelConfiguration {
    let vocabularySize = configuration.vocabularySize
    for token in endTokens where token >= vocabularySize {
      throw PackingError("eos_token_id \(token) is outside the vocabulary of \(vocabularySize)")
    }
    // The tokenizer's own word comes first: DeepSeek's distilled Qwens name the wrong id in config.json.
    let begin = tokenizer.beginToken ?? generation.beginToken ?? configuration.beginToken
    if let begin, begin < 0 || begin >= vocabularySize {
      throw PackingError(
        "the first token's id \(begin) is outside the vocabulary of \(vocabularySize)")
    }
    return ModelConfiguration(
      architecture: configuration.architecture.rawValue, name: modelName,
      hiddenSize: configuration.hiddenSize, layerCount: configuration.layerCount,
      headCount: configuration.headCount, keyValueHeadCount: configuration.kvHeadCount,
      headDimension: configuration.headDimension,
      hasAttentionBias: configuration.hasAttentionBias,
      feedForwardSize: configuration.feedForwardSize, vocabularySize: vocabularySize,
      contextLength: configuration.contextLength, normEpsilon: configuration.normEpsilon,
      ropeInverseFrequencies: configuration.rotaryScaling.inverseFrequencies(
        base: configuration.rotaryBase, headDimension: configuration.headDimension),
      isEmbeddingTied: configuration.tiedEmbedding, bosToken: begin.map { UInt32($0) },
      addsBOS: tokenizer.addsBeginToken, eosTokens: endTokens.map { UInt32($0) },
      sampling: ModelConfiguration.SamplingDefaults(
        temperature: generation.temperature, topP: generation.topP, minP: generation.minP,
        repetitionPenalty: generation.repetitionPenalty, topK: UInt64(generation.topK)))
  }
}

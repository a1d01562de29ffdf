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

  /// The two forms that a source can have.
  private enum Input {
    case folder(CheckpointFolder)
    case gguf(GGUFFile)

    init(path: String) throws(PackingError) {
      if CheckpointFolder.isFile(path) {
        self = .gguf(try GGUFFile(path: path))
      } else {
        self = .folder(try CheckpointFolder(path: path))
      }
    }

    func parts() throws(PackingError) -> SourceParts {
      switch self {
      case .folder(let folder): try SourceParts(folder)
      case .gguf(let file): try SourceParts(file)
      }
    }
  }

  let configuration: CheckpointConfiguration
  let generation: GenerationDefaults
  let tokenizer: TokenizerSettings
  /// What is stored how, in words.
  private(set) var report: RecipeReport
  var tensors: TensorSources
  let adapters: PackAdapters
  let texts: [Text]
  /// Prompt templates by id.
  let promptTemplates: [PromptTemplateFile]
  /// Files that digests are taken of.
  let files: [SourceFile]
  let modelName: String
  let licence: String?
  let options: PackOptions

  /// Reads the folder, or the GGUF file, of `options`.
  init(_ options: PackOptions, observer: PackObserver) throws(PackingError) {
    self.options = options
    let input = try Input(path: options.sourcePath)
    let parts = try input.parts()
    try parts.checkVocabulary()
    let recipe = try options.recipe.resolved(tied: parts.configuration.tiedEmbedding)
    let plan = TensorPlan(parts.configuration)
    adapters = try PackAdapters(options, plan: plan, layerCount: parts.configuration.layerCount)
    var tensors: TensorSources
    if let seed = options.randomSeed {
      tensors = try TensorSources(random: plan, seed: seed, recipe: recipe)
    } else {
      switch input {
      case .folder(let folder):
        tensors = try TensorSources(
          checkpoint: folder, plan: plan, recipe: recipe, quantization: parts.quantization)
      case .gguf(let file):
        tensors = try TensorSources(file, configuration: parts.configuration, recipe: recipe)
      }
    }
    try adapters.merge(into: &tensors)
    self.tensors = tensors
    report = RecipeReport(tensors, import: options.randomSeed == nil ? parts.origin : nil)
    configuration = parts.configuration
    generation = parts.generation
    var tokenizer = parts.tokenizer
    if let date = options.templateDate {
      tokenizer.chatTemplate.compile(specialTokens: tokenizer.tables.specialTokens, date: date)
    }
    self.tokenizer = tokenizer
    texts = parts.texts
    promptTemplates = try PromptTemplateSet.templates(of: options.templatesPath)
    files = parts.files + tensors.files
    modelName = options.modelName ?? parts.modelName
    licence = options.licence ?? parts.licence
    for warning in parts.warnings + tokenizer.warnings { observer.warning(warning) }
    for name in tensors.unexpectedNames(tied: configuration.tiedEmbedding).prefix(10) {
      observer.warning(
        "tensor \(name) is not part of \(configuration.architecture.className); left out")
    }
  }

  /// Whether a linear layer has integers to choose: it is packed to int4 or int8, and not the source's own.
  var canCalibrate: Bool {
    options.randomSeed == nil && tensors.tensors.contains { $0.calibratedFormat != nil }
  }

  /// Reports the formats as they are now.
  mutating func describeFormats() { report = RecipeReport(tensors, import: report.origin) }

  /// The source with rows that calibration chose.
  func calibrated(_ tensors: TensorSources) -> PackSource {
    var copy = self
    copy.tensors = tensors
    copy.report.setMethod("gptq")
    return copy
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

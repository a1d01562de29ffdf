// Owns: everything that a pack knows before it opens its output (settings, plan, recipe, tokenizer
// and texts), and the joining of what several files say about one thing (end tokens, first token,
// names).
// Must not: write.

import VialArchitectures
import VialFormat
import VialText

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

  private(set) var configuration: CheckpointConfiguration
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
  /// What people call the model; nil where neither the caller nor the source says it.
  let modelName: String?
  /// What the source calls itself.
  let baseModel: String?
  let license: String?
  let options: PackOptions
  /// What is read otherwise than the source says, and what is left out.
  private(set) var notices: PackNotices
  /// The token that begins a text.
  private(set) var beginToken: Int?
  /// Ids that end an answer, ascending.
  private(set) var endTokens: [Int] = []

  /// Reads the folder, or the GGUF file, of `options`.
  init(_ options: PackOptions, observer: PackObserver) throws(PackingError) {
    self.options = options
    let input = try Input(path: options.sourcePath)
    let parts = try input.parts()
    try parts.checkVocabulary()
    configuration = parts.configuration
    notices = parts.notices
    var found = try Self.weights(input, parts, options)
    configuration.tiedEmbedding = found.isTied
    let plan = TensorPlan(configuration)
    notices += found.notices
    adapters = try PackAdapters(
      options, plan: plan, of: configuration,
      weights: options.randomSeed == nil ? found.tensors : nil)
    notices += adapters.notices
    try adapters.merge(into: &found.tensors)
    tensors = found.tensors
    report = RecipeReport(found.tensors, import: found.origin)
    generation = parts.generation
    var tokenizer = parts.tokenizer
    if let date = options.templateDate {
      tokenizer.chatTemplate.compile(specialTokens: tokenizer.tables.specialTokens, date: date)
    }
    self.tokenizer = tokenizer
    texts = parts.texts
    promptTemplates = try PromptTemplateSet.templates(of: options.templatesPath)
    for template in promptTemplates {
      for finding in template.findings {
        notices.differs("template \(template.template.id): \(finding)")
      }
    }
    files = parts.files + tensors.files
    modelName = options.modelName ?? parts.modelName
    baseModel = parts.modelName
    license = options.license ?? parts.license
    notices += tokenizer.notices
    let others = tensors.namesOfOtherParts
    if let line = WrapperNames.notice(others) { notices.omits(line, count: others.count) }
    let className = configuration.architecture.className
    notices.omits(
      tensors.unexpectedNames(tied: configuration.tiedEmbedding),
      { "tensor \($0) is not part of \(className); left out" }, kind: "tensors")
    try settleBegin()
    settleEnds()
    for line in notices.lines { observer.warning(line) }
  }

  /// The tensors of a source, and what they say about themselves.
  private struct Weights {
    var tensors: TensorSources
    var isTied: Bool
    var origin: RecipeReport.Origin?
    var notices = PackNotices()
  }

  private static func weights(
    _ input: Input, _ parts: SourceParts, _ options: PackOptions
  ) throws(PackingError) -> Weights {
    var configuration = parts.configuration
    if let seed = options.randomSeed {
      let isTied = configuration.tiedEmbedding
      let recipe = try options.recipe.resolved(tied: isTied)
      return Weights(
        tensors: try TensorSources(random: TensorPlan(configuration), seed: seed, recipe: recipe),
        isTied: isTied)
    }
    switch input {
    case .folder(let folder):
      let found = try FolderWeights(
        folder, tied: configuration.tiedEmbedding, quantization: parts.quantization,
        isOfWrapper: configuration.architecture.wrapperName != nil)
      configuration.tiedEmbedding = found.isTied
      let recipe = try options.recipe.resolved(tied: found.isTied)
      return Weights(
        tensors: try TensorSources(
          checkpoint: found, plan: TensorPlan(configuration), recipe: recipe),
        isTied: found.isTied,
        origin: found.quantization.map { .init(name: $0.name, summary: $0.summary) },
        notices: found.notices)
    case .gguf(let file):
      let isTied = configuration.tiedEmbedding
      let recipe = try options.recipe.resolved(tied: isTied)
      return Weights(
        tensors: try TensorSources(file, configuration: configuration, recipe: recipe),
        isTied: isTied, origin: parts.origin)
    }
  }

  /// Whether a linear layer has integers to choose: it is packed to int4 or int8, and not the
  /// source's own.
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

  /// The tokenizer's own word comes first: DeepSeek's distilled Qwens name the wrong id in
  /// config.json.
  private mutating func settleBegin() throws(PackingError) {
    let begin = tokenizer.beginToken ?? generation.beginToken ?? configuration.beginToken
    guard let begin, !(0..<configuration.vocabularySize).contains(begin) else {
      beginToken = begin
      return
    }
    let size = configuration.vocabularySize
    guard !tokenizer.addsBeginToken else {
      throw PackingError("the first token's id \(begin) is outside the vocabulary of \(size)")
    }
    notices.omits("first token \(begin) has no row in the embedding of \(size) rows; left out")
  }

  /// Unites the ids that end an answer: those of all settings, and special tokens that are called
  /// an end of a turn.
  private mutating func settleEnds() {
    let size = configuration.vocabularySize
    let stated = Set(
      generation.endTokens + configuration.endTokens
        + (tokenizer.tables.eosToken.map { [Int($0)] } ?? []))
    for token in stated.filter({ $0 >= size }).sorted() {
      notices.omits(
        "end token \(token) has no row in the embedding of \(size) rows; left out")
    }
    var ends = stated.filter { $0 < size }
    for (id, spelling) in tokenizer.tables.turnEnds where ends.insert(Int(id)).inserted {
      notices.differs(
        "token \(id) '\(PackingError.printable(spelling))' ends an answer by what it is called; no setting says"
          + " so, and transformers would go on")
    }
    if ends.isEmpty {
      notices.differs(
        "nothing can end an answer: no eos_token_id, no eos_token and no token that is called an end; answers"
          + " run until their token limit")
    }
    endTokens = ends.sorted()
  }

  /// The configuration section's contents; the model's name is none of them, because the model
  /// digest covers them.
  func modelConfiguration() -> ModelConfiguration {
    ModelConfiguration(
      architecture: configuration.architecture.name,
      hiddenSize: configuration.hiddenSize, layerCount: configuration.layerCount,
      headCount: configuration.headCount, keyValueHeadCount: configuration.kvHeadCount,
      headDimension: configuration.headDimension,
      hasAttentionBias: configuration.hasAttentionBias,
      feedForwardSize: configuration.feedForwardSize, vocabularySize: configuration.vocabularySize,
      contextLength: configuration.contextLength, normEpsilon: configuration.normEpsilon,
      ropeInverseFrequencies: configuration.inverseFrequencies,
      isEmbeddingTied: configuration.tiedEmbedding, bosToken: beginToken.map { UInt32($0) },
      addsBOS: tokenizer.addsBeginToken, eosTokens: endTokens.map { UInt32($0) },
      sampling: ModelConfiguration.SamplingDefaults(
        temperature: generation.temperature, topP: generation.topP, minP: generation.minP,
        repetitionPenalty: generation.repetitionPenalty, topK: UInt64(generation.topK)),
      traits: configuration.layerTraits)
  }
}

// What `generation_config.json` says about sampling and the end of an answer.
// Without the file an answer is greedy, as in transformers.

/// Sampling defaults of a checkpoint, in the units that the configuration section stores.
struct GenerationDefaults: Sendable, Equatable {
  /// 0 is greedy.
  var temperature = 0.0
  /// 0 keeps all tokens.
  var topK = 0
  /// 1 keeps all tokens.
  var topP = 1.0
  /// 0 keeps all tokens.
  var minP = 0.0
  /// 1 is no penalty.
  var repetitionPenalty = 1.0
  /// Ids that end an answer; more may come from `config.json`.
  var endTokens: [Int] = []
  var beginToken: Int?

  /// Defaults without a file.
  init() {}

  /// Reads a parsed `generation_config.json`. Where it samples but leaves a number out, transformers'
  /// default holds: temperature 1, top-k 50, top-p 1.
  init(_ settings: Settings) throws(PackingError) {
    endTokens = try settings.tokens("eos_token_id")
    beginToken = try settings.tokens("bos_token_id").first
    repetitionPenalty = try settings.number("repetition_penalty") ?? 1
    guard repetitionPenalty > 0, repetitionPenalty <= 100 else {
      throw settings.error("repetition_penalty is out of range")
    }
    guard try settings.flag("do_sample") ?? false else { return }
    temperature = try settings.number("temperature") ?? 1
    topP = try settings.number("top_p") ?? 1
    minP = try settings.number("min_p") ?? 0
    guard let topK = Int(exactly: try settings.number("top_k") ?? 50), topK >= 0, topK <= 1 << 24
    else { throw settings.error("top_k is not a whole number of at least 0") }
    self.topK = topK
    guard temperature >= 0, temperature <= 100 else {
      throw settings.error("temperature is out of range")
    }
    guard topP > 0, topP <= 1 else { throw settings.error("top_p is not above 0 and at most 1") }
    guard minP >= 0, minP <= 1 else { throw settings.error("min_p is not between 0 and 1") }
  }
}

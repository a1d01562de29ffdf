// Owns: what `generation_config.json` says about sampling and the end of an answer.
// Must not: drop a setting silently: what is not carried over is named.
// Without the file an answer is greedy, as in transformers.

import VialText

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
  /// Settings that change answers in transformers, and are not carried over.
  var notices = PackNotices()

  /// Defaults without a file.
  init() {}

  /// Reads a parsed `generation_config.json`. Where it samples but leaves a number out,
  /// transformers' default holds: temperature 1, top-k 50, top-p 1.
  init(_ settings: Settings) throws(PackingError) {
    endTokens = try settings.tokens("eos_token_id")
    beginToken = try settings.tokens("bos_token_id").first
    repetitionPenalty = try settings.number("repetition_penalty") ?? 1
    guard repetitionPenalty > 0, repetitionPenalty <= 100 else {
      throw settings.error("repetition_penalty is out of range")
    }
    notices = settings.notices
    for name in Self.ignored(settings) {
      notices.omits("generation_config.json: \(PackingError.printable(name)) is not carried over")
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

  /// Keys that are read here, or that change no answer.
  private static let known: Set<String> = [
    "bos_token_id", "do_sample", "eos_token_id", "min_p", "pad_token_id", "repetition_penalty",
    "temperature", "top_k", "top_p", "_from_model_config", "cache_config", "cache_implementation",
    "chat_format", "output_attentions", "output_hidden_states", "output_logits",
    "output_scores", "return_dict_in_generate", "return_legacy_cache", "transformers_version",
    "use_cache",
  ]
  /// Values that switch a setting off.
  private static let neutral: [String: Double] = [
    "diversity_penalty": 0, "encoder_no_repeat_ngram_size": 0, "encoder_repetition_penalty": 1,
    "epsilon_cutoff": 0, "eta_cutoff": 0, "length_penalty": 1, "max_length": 20, "min_length": 0,
    "min_new_tokens": 0, "no_repeat_ngram_size": 0, "num_assistant_tokens": 0,
    "num_beam_groups": 1, "num_beams": 1, "num_return_sequences": 1, "penalty_alpha": 0,
    "typical_p": 1,
  ]

  /// Names of settings that would change an answer and are not read.
  private static func ignored(_ settings: Settings) -> [String] {
    var names: [String] = []
    for member in settings.allMembers {
      let name = member.key.text
      guard !known.contains(name), !member.value.isNull, member.value.bool != false,
        member.value.array?.isEmpty != true, member.value.object?.members.isEmpty != true
      else { continue }
      if let neutral = neutral[name], member.value.number == neutral { continue }
      names.append(name)
    }
    return names
  }
}

// Owns: sampling on its way from C and back, with the file's defaults.
// Must not: judge a value, which the engine does, or keep a pointer of the caller's.
// The names are those of the header:
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CVial
import Vial
import VialEngine
import VialFormat
import VialModel

@_cdecl("vial_model_get_sampling") @implementation
public func vial_model_get_sampling(
  _ model: OpaquePointer!, _ template_id: vial_text,
  _ out_options: UnsafeMutablePointer<vial_sampling_options>!,
  _ out_error: UnsafeMutablePointer<vial_error>!
) -> vial_status {
  status(reporting: out_options, out_error) { () throws(Failure) in
    let model = try HandleRegistry.model(model)
    let template = template_id.isPresent ? try promptTemplate(template_id, of: model) : nil
    let sampling = template.map { model.sampling(of: $0) } ?? model.recommendedSampling
    return vial_sampling_options(sampling)
  }
}

extension vial_sampling_options {
  /// `VIAL_SAMPLING_OPTIONS_INIT`.
  static var initial: vial_sampling_options { vial_sampling_options(SamplingParameters()) }

  /// Parameters without rules, seed and sample index.
  fileprivate init(_ sampling: SamplingParameters) {
    self.init()
    temperature = sampling.temperature
    top_k = sampling.topK
    top_p = sampling.topP
    min_p = sampling.minP
    repetition_penalty = sampling.repetitionPenalty
    repetition_scope = sampling.repetitionReach.scope.number
    repetition_window = sampling.repetitionReach.window
    frequency_penalty = sampling.frequencyPenalty
    presence_penalty = sampling.presencePenalty
    penalty_scope = sampling.penaltyReach.scope.number
    penalty_window = sampling.penaltyReach.window
  }
}

extension PenaltyScope {
  /// `VIAL_PENALTY_…`.
  fileprivate var number: vial_penalty_scope {
    switch self {
    case .answer: vial_penalty_scope(VIAL_PENALTY_ANSWER)
    case .prompt: vial_penalty_scope(VIAL_PENALTY_PROMPT)
    case .both: vial_penalty_scope(VIAL_PENALTY_BOTH)
    }
  }

  fileprivate init(number: vial_penalty_scope) throws(Failure) {
    switch Int(number) {
    case VIAL_PENALTY_ANSWER: self = .answer
    case VIAL_PENALTY_PROMPT: self = .prompt
    case VIAL_PENALTY_BOTH: self = .both
    default: throw Failure(VIAL_STATUS_INVALID_ARGUMENT, message: "no such scope of a penalty")
    }
  }
}

/// Sampling that a caller gave instead of the file's.
struct SamplingChoice {
  let parameters: SamplingParameters
  let rules: TokenRules

  /// Copies what the caller gave; nil when it gave nothing.
  init?(_ pointer: UnsafePointer<vial_sampling_options>?) throws(Failure) {
    guard pointer != nil else { return nil }
    let options = try Structures.options(pointer, defaults: vial_sampling_options.initial)
    try CArguments.check(flags: options.flags, known: VIAL_SAMPLING_IGNORE_END)
    parameters = try SamplingParameters(options)
    rules = try TokenRules(options)
  }
}

extension SamplingParameters {
  fileprivate init(_ options: vial_sampling_options) throws(Failure) {
    self.init(
      temperature: options.temperature, topK: options.top_k, topP: options.top_p,
      minP: options.min_p, repetitionPenalty: options.repetition_penalty)
    repetitionReach = PenaltyReach(
      try PenaltyScope(number: options.repetition_scope), window: options.repetition_window)
    frequencyPenalty = options.frequency_penalty
    presencePenalty = options.presence_penalty
    penaltyReach = PenaltyReach(
      try PenaltyScope(number: options.penalty_scope), window: options.penalty_window)
  }
}

extension TokenRules {
  fileprivate init(_ options: vial_sampling_options) throws(Failure) {
    self.init()
    let limit = VIAL_TOKEN_RULE_LIMIT
    biases = try CArguments.elements(options.biases, options.bias_count, limit: limit).map {
      TokenBias(token: $0.token, bias: $0.bias)
    }
    bannedTokens = Array(
      try CArguments.elements(options.banned_tokens, options.banned_token_count, limit: limit))
    stopTokens = Array(
      try CArguments.elements(options.stop_tokens, options.stop_token_count, limit: limit))
    minimumTokens = Int(options.min_tokens)
    ignoresEnd = options.flags & UInt32(VIAL_SAMPLING_IGNORE_END) != 0
  }
}

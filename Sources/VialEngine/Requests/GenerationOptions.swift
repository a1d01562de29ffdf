// Owns: the options of one generation, the one struct from the C ABI to the engine.
// Must not: know command-line flags.

public import VialModel
public import VialSystem

/// What a generation may do.
public struct GenerationOptions: Sendable {
  /// Most tokens of the answer; nil: as many as context and KV cache leave.
  public var maximumTokens: Int?
  /// What changes the weights, of `Model.adapter`; nil: the model as it is.
  public var adapter: AppliedAdapter?
  /// How tokens are chosen.
  public var sampling: SamplingParameters
  /// Biases, bans, and what ends the answer.
  public var rules = TokenRules()
  /// The text at the end of the prompt that is the answer's beginning, as `chatTokens(_:prefill:)`
  /// put it there: a schema or choices must allow an answer that begins with it. The answer that
  /// comes out does not repeat it.
  public var prefill: SecureBuffer<UInt8>?
  /// Whether the tokens of the prompt get log-probabilities (`Request.forEachPromptFigure`).
  /// Nothing of the prompt is taken from the cache then, or left in it.
  public var scoresPrompt = false
  /// Likeliest tokens to report beside each chosen one, and each of the prompt when it is scored.
  public var alternativeCount = 0
  /// Whether events carry the entropy of what each token was chosen from; costs a pass over the
  /// logits.
  public var reportsEntropy = false
  /// Texts that end the answer where they begin, in reasoning and answer alike.
  public var stops = StopList()
  /// Seconds from submission after which the generation ends; nil: none.
  public var deadline: Double?

  /// Higher ones are computed first, and take KV memory from lower ones.
  public var priority: Int32 = 0
  /// UTF-8 label of whoever it is for; tenants share the machine by weight, and nothing else. At
  /// most 256 bytes.
  public var tenant: [UInt8] = []
  /// Whether it neither reuses cached blocks of its tenant nor leaves any, and the same with what
  /// its grammar remembers.
  public var isPrivate = false
  /// Computes the prompt, answers nothing, and keeps its whole blocks of 64 positions in the cache
  /// until the request is closed: for prompts that begin alike. Without a tenant every tenant uses
  /// them, so such a prompt must not hold what a patient wrote.
  public var isPinned = false
  /// What the answer, its reasoning excepted, is held to; from `Engine.grammar`.
  public var grammar: AnswerGrammar?
  /// Most tokens of the reasoning; nil: as many as fit.
  public var maximumReasoningTokens: Int?
  /// Whether text, ids and events of the reasoning are kept from the caller.
  public var withholdsReasoning = false

  /// Whether prompt, prefill and stop strings are nobody else's: then they are wiped when the
  /// request ends, and not when it is released.
  public var ownsTexts = false

  /// Most alternatives of a token.
  public static let alternativeLimit = 20
  /// Longest prefill in bytes.
  public static let prefillByteLimit = 16 << 10
  /// Longest label of a tenant in bytes.
  public static let tenantByteLimit = 256

  /// Options with the given sampling.
  public init(maximumTokens: Int? = nil, sampling: SamplingParameters = SamplingParameters()) {
    self.maximumTokens = maximumTokens
    self.sampling = sampling
  }
}

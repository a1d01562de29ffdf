// Owns: putting one question to a model, by likelihood or by writing.
// Must not: keep results or count them.

import Vial
import VialEngine
import VialEvaluation
import VialFormat
import VialModel
import VialSystem
import VialText

/// Asks one model.
struct EvalExaminer {
  private let model: Model
  private let settings: EvalSettings
  private let adapter: AppliedAdapter?
  private let template: EvalTemplate?
  private let scorer: OptionScorer?
  private let engine: Engine?

  init(
    _ model: Model, settings: EvalSettings, compute: ComputeOptions, adapter: AppliedAdapter?,
    template: EvalTemplate?
  ) throws {
    self.model = model
    self.template = template
    self.adapter = adapter
    self.settings = settings
    if settings.mode == .generate {
      engine = try Engine(model: model, options: EngineOptions(compute: compute))
      scorer = nil
    } else {
      scorer = try OptionScorer(model: model, options: compute, adapter: adapter)
      engine = nil
    }
  }

  /// What identifies everything that is asked.
  func digest(_ question: Question) -> String {
    let prompt = prompt(question)
    var hash = SHA256()
    for text in [template?.identity ?? "", prompt.text] + prompt.continuations + question.options {
      hash.update(Array(text.utf8) + [0])
    }
    hash.update([UInt8(clamping: question.answer)])
    return String(hash.finalize().description.prefix(16))
  }

  private func prompt(_ question: Question) -> QuestionPrompt {
    QuestionPrompt(question, mode: settings.mode, isRaw: settings.isRaw)
  }

  /// Asks; also returns what the model wrote. A question that cannot be put fails alone; nil when the run was
  /// interrupted.
  func ask(_ question: Question) throws -> (outcome: QuestionOutcome, output: String?)? {
    var outcome = QuestionOutcome(question, digest: digest(question))
    let start = MonotonicClock.seconds
    var output: String?
    do {
      if let scorer {
        let prompt = prompt(question)
        let texts = try continuations(prompt)
        outcome.choose(
          try scorer.logLikelihoods(of: texts.texts, promptCount: texts.promptCount),
          byteCounts: question.options.indices.map { index in
            settings.mode == .text ? question.options[index].utf8.count : 1
          })
      } else if let engine {
        let request = try engine.submit(prompt: try tokens(prompt(question)), options: options)
        guard let text = try Self.answer(request) else { return nil }
        outcome.choice = AnswerExtraction(options: question.options).choice(in: text)
        output = text
      }
    } catch let error as VialError {
      switch error {
      case .promptTooLong, .text, .template, .computation(.numericError),
        .computation(.noCandidate):
        outcome.failure = error.description
      default: throw error
      }
    }
    outcome.seconds = MonotonicClock.seconds - start
    return (outcome, output)
  }

  private func continuations(_ prompt: QuestionPrompt) throws -> Continuations {
    let (text, rest) = (Array(prompt.text.utf8), prompt.continuations.map { Array($0.utf8) })
    if let template {
      return try model.continuations(behind: try template.tokens(text, model), rest)
    }
    return settings.isRaw
      ? try model.continuations(of: text, rest)
      : try model.continuations(ofMessage: text, answers: rest)
  }

  private func tokens(_ prompt: QuestionPrompt) throws -> SecureBuffer<UInt32> {
    let text = Array(prompt.text.utf8)
    if let template { return try template.tokens(text, model) }
    guard settings.isRaw else { return try model.chatTokens(user: text.span) }
    return try model.encode(
      text.span, options: .raw)
  }

  private var options: GenerationOptions {
    var options = GenerationOptions(
      maximumTokens: settings.maximumTokens, sampling: SamplingParameters())
    options.adapter = adapter
    return options
  }

  /// The answer without its reasoning; nil when the run was interrupted.
  private static func answer(_ request: Request) throws(VialError) -> String? {
    request.waitForAnswer(isCancelled: { SignalTrap.signalNumber != nil })
    if let failure = request.ending?.failure { throw .computation(failure) }
    guard request.ending?.reason != .cancelled else { return nil }
    return request.text(of: .answer)
  }
}

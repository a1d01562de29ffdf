// Owns: putting one question to a model, by likelihood or by writing.
// Must not: keep results or count them.

package import Vial
package import VialEngine
import VialFormat
package import VialModel
package import VialSystem
import VialText

/// Words that questions are put into before the model gets them, such as a prompt template's.
package protocol QuestionFrame {
  /// Everything that it adds to a question, for digests.
  var identity: String { get }
  /// The prompt's ids for the text of a question.
  func tokens(_ question: [UInt8], _ model: Model) throws -> SecureBuffer<UInt32>
}

/// How questions are put.
package struct ExaminerOptions {
  /// How the choice is found.
  package var mode: QuestionMode
  /// Whether the question is a text that is continued, without a chat template.
  package var isRaw: Bool
  /// Most tokens of a written answer, reasoning included.
  package var maximumTokens: Int
  /// How to compute.
  package var compute = ComputeOptions()
  /// Changes the weights; of the same model.
  package var adapter: AppliedAdapter?
  /// What questions are put into; nil: the chat template, or nothing when raw.
  package var frame: (any QuestionFrame)?

  /// Options without an adapter and a frame.
  package init(mode: QuestionMode, isRaw: Bool, maximumTokens: Int) {
    self.mode = mode
    self.isRaw = isRaw
    self.maximumTokens = maximumTokens
  }
}

/// Asks one model.
package struct QuestionExaminer {
  private let model: Model
  private let options: ExaminerOptions
  private let scorer: OptionScorer?
  private let engine: Engine?
  private let isCancelled: () -> Bool

  /// Reserves what the mode needs: memory for scoring, or an engine.
  /// - Parameter isCancelled: asked while the model writes; true ends the question without an
  ///   outcome.
  package init(
    _ model: Model, options: ExaminerOptions, isCancelled: @escaping () -> Bool
  ) throws(VialError) {
    self.model = model
    self.options = options
    self.isCancelled = isCancelled
    if options.mode == .generate {
      engine = try Engine(model: model, options: EngineOptions(compute: options.compute))
      scorer = nil
    } else {
      scorer = try OptionScorer(model: model, options: options.compute, adapter: options.adapter)
      engine = nil
    }
  }

  /// What identifies everything that is asked.
  package func digest(_ question: Question) -> String {
    let prompt = prompt(question)
    let identity = options.frame?.identity ?? ""
    var hash = SHA256()
    for text in [identity, prompt.text] + prompt.continuations + question.options {
      hash.update(Array(text.utf8) + [0])
    }
    hash.update([UInt8(clamping: question.answer)])
    return String(hash.finalize().description.prefix(16))
  }

  private func prompt(_ question: Question) -> QuestionPrompt {
    QuestionPrompt(question, mode: options.mode, isRaw: options.isRaw)
  }

  /// Asks; also returns what the model wrote. A question that cannot be put fails alone.
  /// - Returns: nil when the question was cancelled.
  /// - Throws: what would fail every question: memory, damaged weights.
  package func ask(_ question: Question) throws -> (outcome: QuestionOutcome, output: String?)? {
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
            options.mode == .text ? question.options[index].utf8.count : 1
          })
      } else if let engine {
        let request = try engine.submit(prompt: try tokens(prompt(question)), options: generation)
        guard let text = try answer(request) else { return nil }
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
    if let frame = options.frame {
      return try model.continuations(behind: try frame.tokens(text, model), rest)
    }
    return options.isRaw
      ? try model.continuations(of: text, rest)
      : try model.continuations(ofMessage: text, answers: rest)
  }

  private func tokens(_ prompt: QuestionPrompt) throws -> SecureBuffer<UInt32> {
    let text = Array(prompt.text.utf8)
    if let frame = options.frame { return try frame.tokens(text, model) }
    guard options.isRaw else { return try model.chatTokens(user: text.span) }
    return try model.encode(text.span, options: .raw)
  }

  private var generation: GenerationOptions {
    var generation = GenerationOptions(
      maximumTokens: options.maximumTokens, sampling: SamplingParameters())
    generation.adapter = options.adapter
    return generation
  }

  /// The answer without its reasoning; nil when it was cancelled.
  private func answer(_ request: Request) throws(VialError) -> String? {
    request.waitForAnswer(isCancelled: isCancelled)
    if let failure = request.ending?.failure { throw .computation(failure) }
    guard request.ending?.reason != .cancelled else { return nil }
    return request.text(of: .answer)
  }
}

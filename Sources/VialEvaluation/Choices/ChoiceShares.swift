// Owns: how probable each of the choices was to the model, for `vial run --choices`.
// Must not: choose.

import Vial
import VialEngine
import VialSystem
import VialText

/// Likelihoods of the choices behind the prompt and the reasoning that came before the answer.
struct ChoiceShares {
  private let choices: [[UInt8]]
  private let logLikelihoods: [Double]

  /// Scores the choices as continuations; a fraction of the time that the answer took.
  init(_ model: Model, _ request: Request, choices: [[UInt8]], compute: ComputeOptions) throws {
    var reasoning: [UInt32] = []
    request.forEachToken(of: .reasoning) { reasoning.append($0) }
    let prompt = request.plan.prompt
    var texts: [SecureBuffer<UInt32>] = []
    for choice in choices {
      let ids = try model.encode(choice.span, options: EncodeOptions(isLiteral: true))
      let count = prompt.count + reasoning.count + ids.count
      guard let text = SecureBuffer<UInt32>(capacity: count) else { throw VialError.outOfMemory }
      text.append(contentsOf: prompt.span)
      text.append(contentsOf: reasoning.span)
      text.append(contentsOf: ids.span)
      texts.append(text)
    }
    self.choices = choices
    let scorer = try OptionScorer(model: model, options: compute)
    logLikelihoods = try scorer.logLikelihoods(
      of: texts, promptCount: prompt.count + reasoning.count)
  }

  /// `options`: each choice with its log-likelihood and its share of all choices' likelihoods.
  func members(_ output: inout JSONOutput) {
    let best = logLikelihoods.max() ?? 0
    let weights = logLikelihoods.map { DoubleFunctions.exp($0 - best) }
    let sum = weights.reduce(0, +)
    output.key("options")
    output.array { output in
      for (index, choice) in choices.enumerated() {
        output.object { output in
          output.member("text", String(decoding: choice, as: UTF8.self))
          output.member("log_likelihood", logLikelihoods[index])
          output.member("share", weights[index] / sum)
        }
      }
    }
  }
}

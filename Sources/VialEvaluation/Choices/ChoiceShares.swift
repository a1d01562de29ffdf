// Owns: how probable each of several choices was to the model behind a request's reasoning.
// Must not: choose, or write reports.

package import Vial
package import VialEngine
import VialNumerics
import VialSystem
import VialText

/// Likelihoods of the choices behind the prompt and the reasoning that came before the answer.
package struct ChoiceShares {
  /// One choice.
  package struct Share {
    /// The choice's text.
    package let text: [UInt8]
    /// Natural logarithm of its likelihood.
    package let logLikelihood: Double
    /// Its part of the likelihoods of all choices, from 0 to 1.
    package let fraction: Double
  }

  /// Every choice, in the order in which they were given.
  package let shares: [Share]

  /// Scores the choices as continuations; a fraction of the time that the answer took.
  /// - Throws: `VialError` of the computation; `outOfMemory`.
  package init(
    _ model: Model, _ request: Request, choices: [[UInt8]], compute: ComputeOptions
  ) throws(VialError) {
    var reasoning: [UInt32] = []
    request.forEachToken(of: .reasoning) { reasoning.append($0) }
    let prompt = request.plan.prompt
    var texts: [SecureBuffer<UInt32>] = []
    for choice in choices {
      let ids = try model.encode(choice.span, options: EncodeOptions(isLiteral: true))
      let count = prompt.count + reasoning.count + ids.count
      guard let text = SecureBuffer<UInt32>(capacity: count) else { throw .outOfMemory }
      text.append(contentsOf: prompt.span)
      text.append(contentsOf: reasoning.span)
      text.append(contentsOf: ids.span)
      texts.append(text)
    }
    let scorer = try OptionScorer(model: model, options: compute)
    let logLikelihoods = try scorer.logLikelihoods(
      of: texts, promptCount: prompt.count + reasoning.count)
    shares = Self.shares(choices, logLikelihoods)
  }

  private static func shares(_ choices: [[UInt8]], _ logLikelihoods: [Double]) -> [Share] {
    let best = logLikelihoods.max() ?? 0
    let weights = logLikelihoods.map { DoubleFunctions.exp($0 - best) }
    let sum = weights.reduce(0, +)
    return choices.indices.map {
      Share(text: choices[$0], logLikelihood: logLikelihoods[$0], fraction: weights[$0] / sum)
    }
  }
}

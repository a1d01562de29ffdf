// Owns: scores of Swift's texts.
// Must not: compute (Scorer, OptionScorer).

public import VialEngine
public import VialModel
import VialSystem

extension Model {
  /// The log-probability of each token of a text behind the file's BOS, without a chat template.
  ///
  /// It blocks the calling thread and reserves memory for the call; `Scorer` keeps it for many.
  /// - Parameters:
  ///   - text: literal; is copied into wiped memory.
  ///   - options: how to compute.
  ///   - adapter: changes the weights; of this model.
  /// - Returns: a score for each token, in natural logarithms.
  /// - Throws: what encoding and computing throw.
  public func scores(
    of text: String, options: ComputeOptions = ComputeOptions(), adapter: AppliedAdapter? = nil
  ) throws(VialError) -> [TokenScore] {
    let bytes = text.utf8.span
    let tokens = try rawTokens(bytes)
    var scores: [TokenScore] = []
    try Scorer(model: self, options: options, adapter: adapter).score(tokens.span) { score, _ in
      scores.append(score)
      return true
    }
    return scores
  }

  /// The natural logarithm of the likelihood of each of several answers to one user message.
  ///
  /// It blocks the calling thread and reserves memory for the call; `OptionScorer` keeps it for
  /// many. Message and answers are copied through ordinary memory on their way to token ids.
  /// - Parameters:
  ///   - answers: literal, without the end token.
  ///   - message: literal; rendered through the file's chat template.
  ///   - options: how to compute.
  ///   - adapter: changes the weights; of this model.
  /// - Throws: `noChatTemplate`, `promptTooLong`, what computing throws.
  public func logLikelihoods(
    of answers: [String], to message: String, options: ComputeOptions = ComputeOptions(),
    adapter: AppliedAdapter? = nil
  ) throws(VialError) -> [Double] {
    let continuations = try self.continuations(
      ofMessage: Array(message.utf8), answers: answers.map { Array($0.utf8) })
    return try OptionScorer(model: self, options: options, adapter: adapter)
      .logLikelihoods(of: continuations.texts, promptCount: continuations.promptCount)
  }
}

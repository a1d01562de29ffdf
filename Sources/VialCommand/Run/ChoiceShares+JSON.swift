// Owns: how `vial run --choices --json` writes the choices' likelihoods.
// Must not: compute them.

import VialEvaluation

extension ChoiceShares {
  /// `options`: each choice with its log-likelihood and its share of all choices' likelihoods.
  func members(_ output: inout JSONOutput) {
    output.key("options")
    output.array { output in
      for choice in shares {
        output.object { output in
          output.member("text", String(decoding: choice.text, as: UTF8.self))
          output.member("log_likelihood", choice.logLikelihood)
          output.member("share", choice.fraction)
        }
      }
    }
  }
}

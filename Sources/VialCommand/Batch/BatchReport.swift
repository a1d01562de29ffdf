// Owns: what an answer's line says of log-probabilities, of the answer and of the prompt.
// Must not: compute them.

import Vial
import VialEngine
import VialSystem
import VialText

/// "logprobs", "top_logprobs" and "prompt_logprobs" of a line.
struct BatchReport {
  private let wantsAnswer: Bool
  private let wantsPrompt: Bool
  private let alternativeCount: Int

  /// Reads the fields, and asks the request for what they need.
  init(_ value: JSONValue, _ options: inout GenerationOptions) throws(BatchError) {
    let count = try BatchRequest.integer(
      value, "top_logprobs", 0...Int64(GenerationOptions.alternativeLimit))
    alternativeCount = Int(count ?? 0)
    wantsPrompt = try BatchRequest.flag(value, "prompt_logprobs") ?? false
    wantsAnswer = try BatchRequest.flag(value, "logprobs") ?? false
    guard alternativeCount == 0 || wantsAnswer || wantsPrompt else {
      throw BatchError("\"top_logprobs\" needs \"logprobs\" or \"prompt_logprobs\"")
    }
    options.alternativeCount = alternativeCount
    options.scoresPrompt = wantsPrompt
  }

  /// The members that the line gets: a JSON object's, without its braces; nil when none is wanted.
  func members(_ request: Request) -> String? {
    guard wantsAnswer || wantsPrompt else { return nil }
    var output = JSONOutput()
    if wantsAnswer { answer(&output, request) }
    if wantsPrompt { prompt(&output, request) }
    return output.text
  }

  private func answer(_ output: inout JSONOutput, _ request: Request) {
    output.key("logprobs")
    output.array { output in
      request.forEachFigure { output.value($0.logProbability) }
    }
    guard alternativeCount > 0 else { return }
    output.key("top_logprobs")
    output.array { output in
      request.forEachAlternatives { Self.write($0, &output) }
    }
  }

  /// A member for each id of the prompt; the first has no probability.
  private func prompt(_ output: inout JSONOutput, _ request: Request) {
    let prompt = request.plan.prompt
    output.member("prompt_tokens", ids: prompt.span)
    output.key("prompt_logprobs")
    output.array { output in
      output.null()
      request.forEachPromptFigure { output.value($0.logProbability) }
    }
    guard alternativeCount > 0 else { return }
    output.key("prompt_top_logprobs")
    output.array { output in
      output.null()
      request.forEachPromptFigure { Self.write($0.alternatives, &output) }
    }
  }

  private static func write(
    _ alternatives: UnsafeBufferPointer<TokenAlternative>, _ output: inout JSONOutput
  ) {
    output.array { output in
      for alternative in alternatives {
        output.object { output in
          output.member("token", alternative.token)
          output.member("logprob", alternative.logProbability)
        }
      }
    }
  }
}

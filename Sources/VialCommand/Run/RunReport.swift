// Owns: what `vial run` says about an answer: a line of figures, or the JSON object.
// Must not: take the time; it shows the request's own timings.

import Vial
import VialCompute
import VialEngine
import VialEvaluation
import VialFormat
import VialSystem

/// An answer and how it came about.
struct RunReport {
  let engine: Engine
  let request: Request
  let openSeconds: Double
  /// All answers, when there are several.
  var samples: RunSamples?
  /// How probable each choice was, when there are some.
  var shares: ChoiceShares?

  private var timings: RequestTimings { request.timings }

  private var reason: FinishReason { request.ending?.reason ?? .cancelled }

  /// Whether there is no whole answer, for a cause that is nobody's wish.
  var isFailure: Bool { reason == .error }

  private var promptRate: Double {
    let count = timings.computedPromptTokenCount - timings.cachedPromptTokenCount
    return Double(count) / max(timings.promptSeconds, 1e-9)
  }

  /// Tokens per second after the first one.
  private var generationRate: Double {
    Double(max(0, timings.generatedTokenCount - 1)) / max(timings.generationSeconds, 1e-9)
  }

  /// `12 prompt tokens, 345/s; 80 generated, 210/s; stop (avx512vnni, 2 threads)`
  func line() -> String {
    let timings = timings
    return "\(timings.promptTokenCount) prompt tokens\(Self.rate(promptRate)); "
      + "\(timings.generatedTokenCount) generated\(Self.rate(generationRate)); "
      + "\(reason.rawValue) "
      + "(\(engine.familyName), \(engine.threadCount) threads)"
  }

  /// `, 345/s`; nothing where nothing was timed.
  private static func rate(_ rate: Double) -> String {
    rate > 0 ? ", \(ByteText.fixed(rate, rate < 10 ? 1 : 0))/s" : ""
  }

  /// Why there is no whole answer; damage names the file.
  func failure(of path: String) -> String {
    let failure = request.ending?.failure ?? .numericError
    let count = "after \(timings.answerTokenCount) tokens"
    guard case .damagedWeights = failure else { return "\(failure) \(count)" }
    return "\(path): \(failure) \(count)"
  }

  /// The keys that README and `--help` promise, and some more.
  func json() -> String {
    var output = JSONOutput()
    output.object { output in
      let prompt = request.plan.prompt
      output.member("prompt_tokens", ids: prompt.span)
      output.member("tokens", ids: tokens.span)
      output.member("text", request.text(of: .answer))
      output.member("reasoning", request.text(of: .reasoning))
      output.member("finish_reason", reason.rawValue)
      output.key("timings")
      output.object { output in
        output.member("open_seconds", openSeconds)
        output.member("prompt_seconds", timings.promptSeconds)
        output.member("generation_seconds", timings.generationSeconds)
        output.member("prompt_tokens_per_second", promptRate)
        output.member("tokens_per_second", generationRate)
      }
      AnswerConfidence(request).members(&output)
      if request.plan.options.reportsEntropy { figures(&output) }
      shares?.members(&output)
      samples?.members(&output)
      output.member("seed", request.plan.options.sampling.seed)
      output.member("temperature", request.plan.options.sampling.temperature)
      output.member("isa", engine.familyName)
      output.member("threads", engine.threadCount)
      output.member("arithmetic", Arithmetic.version)
      output.member("model_digest", engine.model.file.modelDigest.description)
    }
    return output.text
  }

  /// A member for each token, those of the reasoning included.
  private func figures(_ output: inout JSONOutput) {
    output.key("per_token")
    output.array { output in
      request.forEachFigure { figures in
        output.object { output in
          output.member("token", Int(figures.token))
          output.member("part", figures.part == .answer ? "answer" : "reasoning")
          output.member("log_probability", Double(figures.logProbability))
          output.member("entropy", Double(figures.entropy))
        }
      }
    }
  }

  private var tokens: [UInt32] {
    var tokens: [UInt32] = []
    request.forEachToken { tokens.append($0) }
    return tokens
  }
}

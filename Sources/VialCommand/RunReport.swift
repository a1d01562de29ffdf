// Owns: what `vial run` says about an answer: a line of figures, or the JSON object.

import Vial
import VialCompute
import VialEngine
import VialFormat
import VialSystem

/// An answer and how it came about.
struct RunReport {
  let model: Model
  let generator: Generator
  let prompt: SecureBuffer<UInt32>
  let result: Generation
  let sampling: SamplingParameters
  let openSeconds: Double

  private var promptRate: Double {
    Double(result.timings.promptTokenCount) / max(result.timings.promptSeconds, 1e-9)
  }

  /// Tokens per second after the first one.
  private var generationRate: Double {
    Double(max(0, result.timings.generatedTokenCount - 1))
      / max(result.timings.generationSeconds, 1e-9)
  }

  /// `12 prompt tokens, 345/s; 80 generated, 210/s; stop (avx512vnni, 2 threads)`
  func line() -> String {
    let timings = result.timings
    return "\(timings.promptTokenCount) prompt tokens, \(Int(promptRate))/s; "
      + "\(timings.generatedTokenCount) generated, \(Int(generationRate))/s; "
      + "\(result.finishReason.rawValue) "
      + "(\(generator.familyName), \(generator.threadCount) threads)"
  }

  /// Why there is no whole answer.
  var failure: String {
    RunnerError.numericError.description + " after \(result.tokens.count) tokens"
  }

  /// The keys that README and `--help` promise, and some more.
  func json() -> String {
    var output = JSONOutput()
    output.object { output in
      output.member("prompt_tokens", ids: prompt)
      output.member("tokens", ids: result.tokens)
      output.member("text", Self.string(result.answer))
      output.member("reasoning", Self.string(result.reasoning))
      output.member("finish_reason", result.finishReason.rawValue)
      output.key("timings")
      output.object { output in
        output.member("open_seconds", openSeconds)
        output.member("prompt_seconds", result.timings.promptSeconds)
        output.member("generation_seconds", result.timings.generationSeconds)
        output.member("prompt_tokens_per_second", promptRate)
        output.member("tokens_per_second", generationRate)
      }
      output.member("seed", sampling.seed)
      output.member("temperature", sampling.temperature)
      output.member("isa", generator.familyName)
      output.member("threads", generator.threadCount)
      output.member("arithmetic", Arithmetic.version)
      output.member("model_digest", model.file.modelDigest.description)
    }
    return output.text
  }

  private static func string(_ text: SecureBuffer<UInt8>) -> String {
    String(decoding: UnsafeBufferPointer(start: text.pointer, count: text.count), as: UTF8.self)
  }
}

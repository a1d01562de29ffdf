// Owns: `vial run --samples N`: the same prompt answered several times in one batch, and what the
// answers agree on.
// Must not: choose a token; samples differ by their index in the generator's counter.

import Vial
import VialEngine
import VialEvaluation
import VialFormat
import VialSystem

/// Several answers to one prompt.
struct RunSamples {
  let requests: [Request]
  let vote: SampleVote?

  /// Submits all samples at once and waits for them.
  init(
    _ engine: Engine, _ prompt: SecureBuffer<UInt32>, _ options: GenerationOptions, count: Int
  ) throws {
    var requests: [Request] = []
    for index in 0..<count {
      var options = options
      options.sampling.sampleIndex = UInt32(index)
      requests.append(try engine.submit(prompt: prompt, options: options))
    }
    for request in requests {
      request.waitForAnswer(isCancelled: {
        guard SignalTrap.signalNumber != nil else { return false }
        for request in requests { request.cancel() }
        return true
      })
    }
    self.requests = requests
    vote = SampleVote(
      requests.map { request in
        let reason = request.ending?.reason
        return reason == .stop || reason == .stopString ? request.text(of: .answer) : nil
      })
  }

  /// The request whose answer most samples give; the first when none ended by itself.
  var winner: Request { requests[vote?.winner ?? 0] }

  /// `3 of 5 samples agree`
  var line: String {
    guard let vote else { return "no sample ended by itself" }
    return "\(vote.count) of \(vote.sampleCount) samples agree"
      + (vote.sampleCount < requests.count
        ? "; \(requests.count - vote.sampleCount) were cut" : "")
  }

  /// Members of the report's object.
  func members(_ output: inout JSONOutput) {
    output.key("agreement")
    if let vote { output.value(vote.agreement) } else { output.null() }
    output.key("samples")
    output.array { output in
      for request in requests {
        output.object { output in
          output.member("text", request.text(of: .answer))
          output.member("finish_reason", (request.ending?.reason ?? .cancelled).rawValue)
          AnswerConfidence(request).members(&output)
        }
      }
    }
  }
}

/// How probable an answer's tokens were to the model itself.
struct AnswerConfidence {
  private var sum = 0.0
  private var least = Double.infinity
  private var count = 0

  /// Of the answer; its reasoning does not count.
  init(_ request: Request) {
    request.forEachLogProbability(of: .answer) { logProbability in
      sum += Double(logProbability)
      least = min(least, Double(logProbability))
      count += 1
    }
  }

  /// Mean and least log-probability; null for an answer without tokens.
  func members(_ output: inout JSONOutput) {
    output.member("mean_log_probability", count > 0 ? sum / Double(count) : .nan)
    output.member("min_log_probability", count > 0 ? least : .nan)
  }
}

// Owns: the results file of an evaluation: one header line, then one line for each question, so
// that an interrupted run goes on where it stopped.
// Must not: mix results of different models or settings.

import VialEvaluation
import VialPacking
import VialSystem
import VialText

/// What makes results comparable; the header line of a results file.
struct EvalSettings: Equatable {
  var modelDigest: String
  var mode: QuestionMode
  var isRaw: Bool
  var cacheType: String
  var maximumTokens: Int
  var arithmetic: Int
  /// Digest and factor of the adapter in use; nil without one.
  var adapter: String?
  /// Id and version of the prompt template in use; nil without one.
  var template: String?

  /// One line, line end included.
  func line() -> String {
    var json = JSONOutput()
    json.object { json in
      json.member("vial_eval", 1)
      json.member("model_digest", modelDigest)
      json.member("mode", mode.rawValue)
      json.member("raw", isRaw)
      json.member("kv", cacheType)
      json.member("max_tokens", maximumTokens)
      json.member("arithmetic", arithmetic)
      if let adapter { json.member("adapter", adapter) }
      if let template { json.member("template", template) }
    }
    return json.text + "\n"
  }
}

/// Results that were there, and a place for new ones.
final class EvalLog {
  /// Outcomes of earlier runs by id.
  let earlier: [String: QuestionOutcome]
  private let file: AppendFile?

  /// Keeps results in `path`, which only its owner may read when it is new; nil keeps none.
  init(path: String?, settings: EvalSettings) throws {
    guard let path else {
      earlier = [:]
      file = nil
      return
    }
    // Locked before it is read: two runs must not both go on where it ends.
    let file = try AppendFile(path: path)
    let bytes = try FileReader(path: path).readAll(limit: 1 << 32)
    let end = bytes.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
    let header = Array(settings.line().utf8)
    guard end == 0 ? header.starts(with: bytes) : bytes.starts(with: header) else {
      throw CommandFailure(
        "\(path) has no results of this model with these settings; name another file")
    }
    earlier = Self.outcomes(bytes[min(end, header.count)..<end])
    file.keep(UInt64(end))
    if end == 0 { try file.append(header.span) }
    self.file = file
  }

  private static func outcomes(_ lines: ArraySlice<UInt8>) -> [String: QuestionOutcome] {
    var outcomes: [String: QuestionOutcome] = [:]
    for line in lines.split(separator: 0x0A) {
      guard let value = try? JSONReader.parse(Array(line)), let outcome = QuestionOutcome(value)
      else { continue }
      outcomes[outcome.id] = outcome
    }
    return outcomes
  }

  /// Writes the line of one question.
  func append(_ outcome: QuestionOutcome, output: String?) throws {
    guard let file else { return }
    var json = JSONOutput()
    json.object { json in
      json.member("id", outcome.id)
      json.member("digest", outcome.digest)
      json.member("category", outcome.category)
      json.member("answer", outcome.answer)
      json.key("choice")
      if let choice = outcome.choice { json.value(choice) } else { json.null() }
      json.member("correct", outcome.isCorrect)
      if let choice = outcome.normalizedChoice {
        json.member("choice_normalized", choice)
        json.member("correct_normalized", outcome.isCorrectNormalized)
        json.key("log_likelihoods")
        json.array { json in for value in outcome.logLikelihoods { json.value(value) } }
      }
      if let output { json.member("output", output) }
      if let failure = outcome.failure { json.member("failure", failure) }
      json.member("seconds", outcome.seconds)
    }
    try file.append(Array((json.text + "\n").utf8).span)
  }
}

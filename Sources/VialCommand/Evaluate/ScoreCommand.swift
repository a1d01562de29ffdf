// Owns: `vial score`: log-probabilities, perplexity and logits of a given text.
// Must not: compute a token's probability; `Scorer` does.

import ArgumentParser
import Vial
import VialFormat
import VialSystem
import VialText

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// `vial score FILE (--text TEXT | --file PATH | --ids 1,2,3)`.
struct ScoreCommand: CheckedCommand {
  static let configuration = CommandConfiguration(
    commandName: "score",
    abstract: "Score a text: log-probabilities of its tokens, perplexity, logits.",
    discussion: """
      A text longer than the window (2048 tokens, or the context if that is shorter) is scored in consecutive \
      windows; the first token of each is not scored.
      """)

  @Argument(help: "The .vial file.")
  var file: String

  @OptionGroup var input: TextArguments

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Token ids instead of a text.", valueName: "1,2,3"))
  var ids: TokenList?

  @Flag(help: "With --json: the logits of every position as well.")
  var logits = false

  @Flag(help: "One JSON object: tokens, logprobs, perplexity, window.")
  var json = false

  @OptionGroup var adapter: AdapterArguments

  @OptionGroup var compute: ComputeArguments

  func check() throws {
    try compute.check()
    try adapter.check()
    guard input.sourceCount + (ids == nil ? 0 : 1) == 1 else {
      throw ValidationError("give exactly one of --text, --file and --ids")
    }
    if logits, !json { throw ValidationError("--logits needs --json") }
  }

  func run() throws {
    try CommandFailure.wrap {
      let model = try Model.opened(file)
      let tokens = try tokens(model)
      guard tokens.count > 0 else { throw CommandFailure("there is nothing to score") }
      let scorer = try Scorer(
        model: model, options: compute.options, adapter: adapter.applied(in: model))
      if json { return try writeJSON(scorer, tokens) }
      let sum = try total(scorer, tokens)
      try StandardOutput.write(
        """
        tokens      \(tokens.count) (\(sum.count) scored, window \(scorer.windowSize))
        perplexity  \(sum.perplexity)

        """)
    }
  }

  private func tokens(_ model: Model) throws -> SecureBuffer<UInt32> {
    guard let ids else { return try input.tokens(model) }
    try ids.check(model)
    guard let tokens = SecureBuffer<UInt32>(capacity: ids.ids.count) else {
      throw VialError.outOfMemory
    }
    tokens.append(contentsOf: ids.ids.span)
    return tokens
  }

  private func total(_ scorer: Scorer, _ tokens: SecureBuffer<UInt32>) throws -> ScoreSum {
    var sum = ScoreSum()
    try scorer.score(tokens.span) { score, _ in
      sum.add(score)
      return true
    }
    return sum
  }

  /// Logits are written row by row: a window of them can be gigabytes.
  private func writeJSON(_ scorer: Scorer, _ tokens: SecureBuffer<UInt32>) throws {
    var output = JSONOutput()
    var failure: (any Error)?
    var sum = ScoreSum()
    var logProbabilities: [Float?] = []
    try output.object { output in
      output.member("tokens", ids: tokens.span)
      output.member("window", scorer.windowSize)
      if logits { output.key("logits") }
      func visit(_ output: inout JSONOutput) throws {
        try scorer.score(tokens.span) { score, row in
          sum.add(score)
          logProbabilities.append(score.logProbability)
          guard logits else { return true }
          output.array { for index in 0..<scorer.vocabularySize { $0.value(row[index]) } }
          do { try StandardOutput.write(output.drain()) } catch { failure = error }
          return failure == nil
        }
      }
      if logits { try output.array(visit) } else { try visit(&output) }
      if let failure { throw failure }
      output.key("logprobs")
      output.array { output in
        for value in logProbabilities {
          if let value { output.value(value) } else { output.null() }
        }
      }
      output.member("perplexity", sum.perplexity)
    }
    try StandardOutput.write(output.text + "\n")
  }
}

/// A running perplexity.
struct ScoreSum {
  private(set) var count = 0
  private var total = 0.0

  mutating func add(_ score: TokenScore) {
    guard let logProbability = score.logProbability else { return }
    count += 1
    total += Double(logProbability)
  }

  /// exp of the mean negative log-probability; NaN when nothing was scored.
  var perplexity: Double { exp(-total / Double(count)) }
}

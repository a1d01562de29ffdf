// Owns: `vial compare`: how far one file is from another on a text.
// Must not: do statistics; `Comparison` does.

import ArgumentParser
import Vial
import VialEvaluation
import VialFormat
import VialSystem

/// `vial compare A B --file PATH`.
struct CompareCommand: CheckedCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Measure how far model B is from model A on a text.",
    discussion: """
      Both files read the same text in windows as `vial score` cuts them (2048 tokens, or the shorter context). \
      mean_kl and p99_kl are the mean and the 99th percentile over all positions of KL(A || B) in nats, same_top is \
      the fraction of positions at which both find the same token likeliest; perplexities count the tokens that `vial \
      score` counts. Intervals are 95% bootstraps (1000 resamples of blocks of 32 positions, fixed seed): the same \
      files and text give the same figures on every machine. The tokenizers must be equal.
      """)

  @Argument(help: "The .vial file to compare with: the original.")
  var a: String

  @Argument(help: "The .vial file that is compared.")
  var b: String

  @OptionGroup var input: TextArguments

  @Option(
    parsing: .unconditional,
    help: "Tokens in a window, at least 2 (default: the smaller of 2048 and the shorter context).")
  var window: Int?

  @Option(
    parsing: .unconditional, help: "Leave out this many positions at the start of each window.")
  var skip = 0

  @Option(
    help: ArgumentHelp("An adapter that A uses (default: none).", valueName: "name[:scale]"))
  var adapterA: AdapterChoice?

  @Option(
    help: ArgumentHelp("An adapter that B uses (default: none).", valueName: "name[:scale]"))
  var adapterB: AdapterChoice?

  @Flag(help: "One JSON object on stdout.")
  var json = false

  @OptionGroup var compute: ComputeArguments

  func check() throws {
    try compute.check()
    try adapterA?.check()
    try adapterB?.check()
    guard input.sourceCount == 1 else {
      throw ValidationError("give exactly one of --file and --text")
    }
    if let window, window < 2 { throw ValidationError("--window must be at least 2") }
    guard skip >= 0 else { throw ValidationError("--skip must not be negative") }
    if let window, skip > window - 2 {
      throw ValidationError("--skip must leave two positions of a window")
    }
  }

  func run() throws {
    try CommandFailure.wrap {
      let (left, right) = (try Model.opened(a), try Model.opened(b))
      let tokens = try input.tokens(left)
      let comparer = try ModelComparer(
        left, right, options: compute.options, windowSize: window,
        adapters: (
          adapterA.map { try $0.applied(in: left) }, adapterB.map { try $0.applied(in: right) }
        ))
      SignalTrap.install()
      let comparison = try compare(comparer, tokens)
      guard let figures = comparison.figures() else {
        throw CommandFailure("there is nothing to compare: no position has a token after it")
      }
      let report = CompareReport(
        models: (left, right), tokenCount: tokens.count, windowSize: comparer.windowSize,
        skip: skip, comparison: comparison, figures: figures)
      try StandardOutput.write(json ? report.json() : report.text())
    }
  }

  private func compare(
    _ comparer: ModelComparer, _ tokens: SecureBuffer<UInt32>
  ) throws -> Comparison {
    let progress = ProgressReporter(unit: .things("tokens"))
    defer { progress.finish() }
    var comparison = Comparison()
    let total = UInt64(tokens.count)
    progress.update("comparing", done: 0, total: total)
    try comparer.compare(tokens.span) { position in
      if position.windowIndex >= skip { comparison.add(position) }
      progress.update("comparing", done: UInt64(position.index) + 1, total: total)
      return SignalTrap.signalNumber == nil
    }
    if let signal = SignalTrap.signalNumber { throw ExitCode(128 + signal) }
    return comparison
  }
}

/// What a comparison says.
struct CompareReport {
  let models: (a: Model, b: Model)
  let tokenCount: Int
  let windowSize: Int
  let skip: Int
  let comparison: Comparison
  let figures: Comparison.Figures

  private var estimates: [(key: String, Estimate)] {
    [
      ("mean_kl", figures.meanDivergence), ("p99_kl", figures.p99Divergence),
      ("same_top", figures.sameTop), ("perplexity_a", figures.perplexityA),
      ("perplexity_b", figures.perplexityB), ("perplexity_ratio", figures.perplexityRatio),
    ]
  }

  /// A table for people.
  func text() -> String {
    var table = TextTable([.left, .right, .left])
    func add(_ name: String, _ estimate: Estimate, _ decimals: Int, _ factor: Double = 1) {
      func show(_ value: Double) -> String { ByteText.fixed(value * factor, decimals) }
      table.add([
        name, show(estimate.value), "(\(show(estimate.low)) to \(show(estimate.high)))",
      ])
    }
    add("mean KL(A || B), nats", figures.meanDivergence, 6)
    add("99th percentile of it", figures.p99Divergence, 5)
    add("same top token, %", figures.sameTop, 2, 100)
    add("perplexity of A", figures.perplexityA, 4)
    add("perplexity of B", figures.perplexityB, 4)
    add("perplexity of B over A", figures.perplexityRatio, 5)
    return table.text(indent: 0)
      + "\(tokenCount) tokens in windows of \(windowSize), \(comparison.positionCount) positions; "
      + "in brackets: 95% intervals\n"
  }

  /// The keys that `--help` promises, and some more.
  func json() -> String {
    var output = JSONOutput()
    output.object { output in
      for (key, estimate) in estimates {
        output.member(key, estimate.value)
        output.key(key + "_interval")
        output.array { output in
          output.value(estimate.low)
          output.value(estimate.high)
        }
      }
      output.member("tokens", tokenCount)
      output.member("positions", comparison.positionCount)
      output.member("scored", comparison.scoredCount)
      output.member("window", windowSize)
      output.member("skip", skip)
      output.member("model_digest_a", models.a.file.modelDigest.description)
      output.member("model_digest_b", models.b.file.modelDigest.description)
    }
    return output.text + "\n"
  }
}

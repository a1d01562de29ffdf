// Owns: `vial run`: one answer, streamed.
// Must not: choose a token or render a template; the engine and `Vial` do.
// The answer goes to stdout, reasoning and figures to stderr.

public import ArgumentParser
import Vial
import VialEngine
import VialEvaluation
import VialFormat
public import VialModel
import VialSystem
import VialText

extension ModelFile.Verification: ExpressibleByArgument {}

/// `vial run [FILE] [--prompt TEXT | --ids 1,2,3 | --template ID --set NAME=VALUE...]`.
struct RunCommand: CheckedCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Answer a prompt, streaming.",
    discussion: """
      Without FILE, the small demonstration model answers. A prompt goes through the file's chat template, the \
      text being literal (special tokens that it spells are ordinary text); with --raw it is the file's BOS and \
      the text, nothing else. With --template the file's prompt template of that id asks, its variables set by --set \
      and --set-file, and its sampling, limits and stop strings hold where nothing else is given. Sampling parameters that are \
      not given come from the file. The same file, prompt, \
      parameters and seed give the same answer on every machine. With --interactive, every line of standard input is a \
      message of one conversation; ctrl-C ends an answer, /reset begins anew, /exit or the end of input ends.
      """)

  @Argument(help: "The .vial file (default: the demonstration model).")
  var file: String?

  @Option(help: "The prompt.")
  var prompt: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Token ids to continue, as they are.", valueName: "1,2,3"))
  var ids: TokenList?

  @Flag(help: "No chat template: the file's BOS and the text.")
  var raw = false

  @Option(
    help: ArgumentHelp(
      "Ask by the file's prompt template with this id; see vial template list.", valueName: "id"))
  var template: String?

  @OptionGroup var values: TemplateArguments

  @Option(
    parsing: .unconditional,
    help: "Most tokens of the answer; 0: none (default: the template's, else 2048).")
  var maxTokens: Int?

  @Flag(help: "A conversation: every line of standard input is a message.")
  var interactive = false

  @OptionGroup var shape: AnswerArguments

  @Option(help: "When the file's digests are checked; lazy: weights before their first use.")
  var verify: ModelFile.Verification = .tables

  @OptionGroup var adapter: AdapterArguments

  @OptionGroup var sampling: SamplingArguments

  @OptionGroup var rules: RuleArguments

  @OptionGroup var compute: ComputeArguments

  @OptionGroup var memory: MemoryArguments

  @Option(
    parsing: .unconditional,
    help:
      "Answer so often, \(OptionRange.samples.text), in one batch, and give the answer that most samples agree on."
  )
  var samples = 1

  @Flag(help: "One JSON object instead of the text.")
  var json = false

  @Flag(help: "With --json: log-probability and entropy of each token.")
  var perToken = false

  func check() throws {
    try shape.check()
    try sampling.check()
    try rules.check()
    try compute.check()
    try adapter.check()
    let sources = [prompt != nil, ids != nil, template != nil, interactive].count { $0 }
    guard sources == 1 else {
      throw ValidationError("give exactly one of --prompt, --ids, --template and --interactive")
    }
    if interactive, raw || json {
      throw ValidationError("--interactive goes without --raw and --json")
    }
    if interactive, rules.prefill != nil {
      throw ValidationError("--prefill goes without --interactive")
    }
    if perToken, !json { throw ValidationError("--per-token goes with --json") }
    if raw, prompt == nil { throw ValidationError("--raw goes with --prompt") }
    if template == nil, !values.isEmpty {
      throw ValidationError("--set and --set-file go with --template")
    }
    try OptionRange.samples.check(samples)
    if let maxTokens, maxTokens < 0 { throw ValidationError("--max-tokens must not be negative") }
  }

  func run() throws {
    try CommandFailure.wrap {
      let start = MonotonicClock.seconds
      let path = try file ?? DemoModel.path()
      let model = try Model.opened(path, verification: verify)
      let openSeconds = MonotonicClock.seconds - start
      let applied = try adapter.applied(in: model)
      if let notice = try notice(model) { StandardError.write(notice) }
      if interactive { return try converse(model) }
      let template = try template.map { try TemplateArguments.template($0, in: model) }
      let tokens = try promptTokens(model, template)
      var options = try generationOptions(model, template)
      let limit = min(options.maximumTokens ?? 0, 1 << 24)
      let capacity = min(model.contextLength, tokens.count + limit + 1)
      let engine = try engine(model, capacity: capacity * samples)
      options.adapter = applied
      try shape.apply(to: &options, template, engine)
      SignalTrap.install()
      let several =
        samples > 1 ? try RunSamples(engine, tokens, options, count: samples) : nil
      let request = try several?.winner ?? answer(engine, tokens, options)
      var report = RunReport(engine: engine, request: request, openSeconds: openSeconds)
      report.samples = several
      // What is kept back cannot be scored behind, nor a choice that is begun.
      if json, !shape.hideReasoning, options.prefill == nil, let choices = shape.choiceTexts {
        report.shares = try ChoiceShares(
          model, request, choices: choices, compute: compute.options)
      }
      if json {
        try StandardOutput.write(report.json() + "\n")
      } else {
        if let several {
          try StandardOutput.write(answer: request.text(of: .answer) + "\n")
          StandardError.write(several.line)
        }
        if !report.isFailure { StandardError.write(report.line()) }
      }
      if report.isFailure { throw CommandFailure(report.failure(of: path)) }
      if let signal = SignalTrap.signalNumber { throw ExitCode(128 + signal) }
    }
  }

  /// What the file's provenance wants every user to see.
  private func notice(_ model: Model) throws -> String? {
    if file == nil { return DemoModel.notice }
    return try model.notice()
  }

  /// What was asked for, else what the template says, else what the file says.
  private func generationOptions(
    _ model: Model, _ template: PromptTemplate?
  ) throws -> GenerationOptions {
    let defaults = template.map { model.sampling(of: $0) } ?? model.recommendedSampling
    var options = GenerationOptions(
      maximumTokens: maxTokens ?? template?.maximumTokens ?? 2048,
      sampling: sampling.parameters(over: defaults))
    if let stops = template.flatMap(StopList.init) { options.stops = stops }
    options.reportsEntropy = perToken
    try rules.apply(to: &options)
    return options
  }

  private func converse(_ model: Model) throws {
    let engine = try engine(
      model, capacity: min(model.contextLength, EngineOptions.defaultPositionCount))
    var options = try generationOptions(model, nil)
    options.adapter = try adapter.applied(in: model)
    try ChatSession(engine, options: options).run()
  }

  private func promptTokens(
    _ model: Model, _ template: PromptTemplate?
  ) throws -> SecureBuffer<UInt32> {
    let prefill = try rules.prefillText()
    if let template {
      return try model.tokens(of: values.messages(template), prefill: prefill)
    }
    if let ids {
      try ids.check(model)
      let rest = try prefill.map {
        try model.encode($0.span, options: EncodeOptions(isLiteral: true))
      }
      let count = ids.ids.count + (rest?.count ?? 0)
      guard let tokens = SecureBuffer<UInt32>(capacity: count) else { throw VialError.outOfMemory }
      tokens.append(contentsOf: ids.ids.span)
      if let rest { tokens.append(contentsOf: rest.span) }
      return tokens
    }
    let text = Array((prompt ?? "").utf8)
    if raw { return try model.rawTokens(text.span, prefill: prefill) }
    return try model.chatTokens(user: text.span, prefill: prefill)
  }

  /// An engine with room for one text of `capacity` tokens.
  private func engine(_ model: Model, capacity: Int) throws -> Engine {
    var options = EngineOptions(compute: compute.options)
    options.cachePositionCount = capacity
    return try memory.engine(model, options)
  }

  private func answer(
    _ engine: Engine, _ tokens: SecureBuffer<UInt32>, _ options: GenerationOptions
  ) throws -> Request {
    let printer = AnswerPrinter(isQuiet: json)
    let request = try engine.submit(prompt: tokens, options: options)
    request.waitForAnswer(
      isCancelled: { SignalTrap.signalNumber != nil || printer.hasFailed },
      onEvent: { printer.print($0.part, $0.text.span) })
    printer.finish()
    if printer.hasFailed { throw CommandFailure("cannot write to standard output") }
    return request
  }
}

// Owns: `vial run`: one answer, streamed. The answer goes to stdout, reasoning and figures to stderr.

public import ArgumentParser
import Vial
import VialEngine
import VialFormat
public import VialModel
import VialSystem
import VialText

extension ModelFile.Verification: ExpressibleByArgument {}

/// `vial run [FILE] [--prompt TEXT | --ids 1,2,3]`.
struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Answer a prompt, streaming.",
    discussion: """
      Without FILE, the small demonstration model answers. A prompt goes through the file's chat template, the \
      text being literal (special tokens that it spells are ordinary text); with --raw it is the file's BOS and \
      the text, nothing else. Sampling parameters that are not given come from the file. The same file, prompt, \
      parameters and seed give the same answer on every machine.
      """)

  @Argument(help: "The .vial file (default: the demonstration model).")
  var file: String?

  @Option(help: "The prompt.")
  var prompt: String?

  @Option(help: ArgumentHelp("Token ids to continue, as they are.", valueName: "1,2,3"))
  var ids: TokenList?

  @Flag(help: "No chat template: the file's BOS and the text.")
  var raw = false

  @Option(help: "Most tokens of the answer.")
  var maxTokens: Int = 2048

  @Option(help: "When the file's digests are checked; lazy: weights before their first use.")
  var verify: ModelFile.Verification = .tables

  @OptionGroup var adapter: AdapterArguments

  @OptionGroup var sampling: SamplingArguments

  @OptionGroup var compute: ComputeArguments

  @Flag(help: "One JSON object instead of the text.")
  var json = false

  func validate() throws {
    guard (prompt != nil) != (ids != nil) else {
      throw ValidationError("give exactly one of --prompt and --ids")
    }
    if raw, ids != nil { throw ValidationError("--raw goes with --prompt") }
    if maxTokens < 0 { throw ValidationError("--max-tokens must not be negative") }
  }

  func run() throws {
    try CommandFailure.wrap {
      let start = MonotonicClock.seconds
      let model = try Model(path: try file ?? DemoModel.path(), verification: verify)
      let openSeconds = MonotonicClock.seconds - start
      let applied = try adapter.applied(in: model)
      if let notice = try notice(model) { StandardError.write(notice) }
      let tokens = try promptTokens(model)
      let capacity = min(model.contextLength, tokens.count + min(maxTokens, 1 << 24) + 1)
      let engine = try engine(model, capacity: capacity)
      var options = GenerationOptions(
        maximumTokens: maxTokens, sampling: try sampling.parameters(model))
      options.adapter = applied
      Interruption.install()
      let request = try answer(engine, tokens, options)
      let report = RunReport(engine: engine, request: request, openSeconds: openSeconds)
      if json {
        try StandardOutput.write(report.json() + "\n")
      } else {
        StandardError.write(report.line())
      }
      if request.ending?.reason == .error { throw CommandFailure(report.failure) }
      if let signal = Interruption.signalNumber { throw ExitCode(128 + signal) }
    }
  }

  /// What the file's provenance wants every user to see.
  private func notice(_ model: Model) throws -> String? {
    if file == nil { return DemoModel.notice }
    return try model.notice()
  }

  private func promptTokens(_ model: Model) throws -> SecureBuffer<UInt32> {
    if let ids {
      try ids.check(model)
      guard let tokens = SecureBuffer<UInt32>(capacity: ids.ids.count) else {
        throw VialError.outOfMemory
      }
      tokens.append(contentsOf: ids.ids.span)
      return tokens
    }
    let text = Array((prompt ?? "").utf8)
    if raw {
      return try model.encode(
        text.span, options: EncodeOptions(addsSpecialTokens: true, isLiteral: true))
    }
    return try model.chatTokens(user: text.span)
  }

  /// An engine with room for one text of `capacity` tokens.
  private func engine(_ model: Model, capacity: Int) throws -> Engine {
    var options = EngineOptions(compute: compute.options)
    options.positionCount = capacity
    return try Engine(model: model, options: options)
  }

  private func answer(
    _ engine: Engine, _ tokens: SecureBuffer<UInt32>, _ options: GenerationOptions
  ) throws -> Request {
    let printer = AnswerPrinter(isQuiet: json)
    let request = try engine.submit(prompt: tokens, options: options)
    waiting: while true {
      switch request.nextEvent(timeout: 0.1) {
      case .event(let event): printer.print(event.part, event.text.span)
      case .timedOut: break
      case .finished, .closed: break waiting
      }
      if Interruption.signalNumber != nil || printer.hasFailed { request.cancel() }
    }
    printer.finish()
    if printer.hasFailed { throw CommandFailure("cannot write to standard output") }
    return request
  }
}

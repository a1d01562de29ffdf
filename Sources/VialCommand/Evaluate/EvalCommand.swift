// Owns: `vial eval`: a question set put to a model, question by question.
// Must not: judge answers; VialEvaluation does.

import ArgumentParser
import Vial
import VialCompute
public import VialEvaluation
import VialFormat
import VialModel
import VialSystem

/// `vial eval FILE --data QUESTIONS.jsonl`.
struct EvalCommand: CheckedCommand {
  static let configuration = CommandConfiguration(
    commandName: "eval",
    abstract: "Put multiple-choice questions to a model and count the right answers.",
    discussion: """
      QUESTIONS.jsonl has one question per line: MedQA, MedMCQA, PubMedQA, MMLU, samples logged by \
      lm-evaluation-harness, or {"id", "question", "options": [...], "answer": index or letter, "category"}. \
      --mode text compares the likelihoods of the options' texts after the question, raw and per byte; --mode letter \
      lists the options and compares those of their letters; --mode generate lets the model write (greedily) and \
      reads its choice from the answer, reasoning excluded. The question goes through the file's chat template, or \
      with --raw as "Question: ... Answer:" behind the file's BOS. With --out, every question's result is a line of \
      that file, and a run that is repeated goes on where it stopped. A line that is no question is named and left \
      out; the rest runs, and the exit code is 1.
      """)

  @Argument(help: "The .vial file.")
  var file: String

  @Option(help: "The questions, JSONL.")
  var data: String

  @Option(help: "How the choice is found: text, letter or generate.")
  var mode: QuestionMode = .text

  @Flag(help: "The same as --mode generate.")
  var generate = false

  @Flag(help: "No chat template.")
  var raw = false

  @Option(
    help: ArgumentHelp(
      "Put the questions through the file's prompt template with this id: as its variable 'question', else as its "
        + "only required one. Its schema and sampling are left aside.", valueName: "id"))
  var template: String?

  @OptionGroup var values: TemplateArguments

  @Option(
    parsing: .unconditional,
    help: "Most tokens of a written answer, reasoning included, at least 1.")
  var maxTokens = 1024

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Put the first N questions only, at least 1.", valueName: "n"))
  var limit: Int?

  @Option(help: ArgumentHelp("Results, a line each; goes on where they end.", valueName: "path"))
  var out: String?

  @Flag(help: "One JSON object on stdout.")
  var json = false

  @OptionGroup var adapter: AdapterArguments

  @OptionGroup var compute: ComputeArguments

  func check() throws {
    try compute.check()
    try adapter.check()
    if generate, mode == .letter { throw ValidationError("give one of --generate and --mode") }
    if raw, template != nil { throw ValidationError("give one of --raw and --template") }
    if template == nil, !values.isEmpty {
      throw ValidationError("--set and --set-file go with --template")
    }
    if maxTokens < 1 { throw ValidationError("--max-tokens must be at least 1") }
    if let limit, limit < 1 { throw ValidationError("--limit must be at least 1") }
  }

  func run() throws {
    try CommandFailure.wrap {
      let model = try Model.opened(file)
      let questions = try QuestionFile(FileReader(path: data).readAll(limit: 1 << 32))
      reportBrokenLines(questions)
      let asked = Array(questions.questions.prefix(limit ?? .max))
      guard !asked.isEmpty else { throw CommandFailure("\(data) has no question with an answer") }
      let mode = generate ? .generate : mode
      let applied = try adapter.applied(in: model)
      var settings = EvalSettings(
        modelDigest: model.file.modelDigest.description, mode: mode, isRaw: raw,
        cacheType: compute.kv.rawValue, maximumTokens: mode == .generate ? maxTokens : 0,
        arithmetic: Arithmetic.version)
      settings.adapter = applied.map { "\($0.adapter.digest) \($0.scale)" }
      let frame = try template.map { try EvalTemplate($0, values, in: model) }
      settings.template = frame?.description
      var options = ExaminerOptions(
        mode: mode, isRaw: raw, maximumTokens: settings.maximumTokens)
      options.compute = compute.options
      options.adapter = applied
      options.frame = frame
      let examiner = try QuestionExaminer(
        model, options: options, isCancelled: { SignalTrap.signalNumber != nil })
      let log = try EvalLog(path: out, settings: settings)
      let outcomes = try ask(asked, examiner, log)
      let report = EvalReport(
        settings: settings, file: questions, summary: EvaluationSummary(outcomes))
      try StandardOutput.write(json ? report.json() : report.text())
      if !questions.brokenLines.isEmpty { throw ExitCode(1) }
    }
  }

  private func reportBrokenLines(_ questions: QuestionFile) {
    let shown = 20
    for line in questions.brokenLines.prefix(shown) {
      StandardError.write("error: \(data): line \(line.number): \(line.error)")
    }
    let more = questions.brokenLines.count - shown
    if more > 0 { StandardError.write("error: \(data): \(more) more broken lines") }
  }

  private func ask(
    _ questions: [Question], _ examiner: QuestionExaminer, _ log: EvalLog
  ) throws -> [QuestionOutcome] {
    SignalTrap.install()
    let progress = ProgressReporter(unit: .things("questions"))
    defer { progress.finish() }
    var outcomes: [QuestionOutcome] = []
    var pending: [Question] = []
    for question in questions {
      if let earlier = log.earlier[question.id], earlier.digest == examiner.digest(question) {
        outcomes.append(earlier)
      } else {
        pending.append(question)
      }
    }
    let total = UInt64(questions.count)
    progress.update("asking", done: UInt64(outcomes.count), total: total)
    for question in pending {
      if SignalTrap.signalNumber == nil, let (outcome, output) = try examiner.ask(question) {
        try log.append(outcome, output: output)
        outcomes.append(outcome)
      }
      if let signal = SignalTrap.signalNumber { throw ExitCode(128 + signal) }
      progress.update("asking", done: UInt64(outcomes.count), total: total)
    }
    return outcomes
  }
}

extension QuestionMode: ExpressibleByArgument {}

// Owns: `vial batch`: a file of requests becomes a file of answers, overnight if need be.
// Must not: interpret lines (BatchRequest) or write them (BatchLog).

import ArgumentParser
import Vial
import VialCompute
import VialEngine
import VialModel
import VialSystem

/// `vial batch FILE --in REQUESTS.jsonl --out ANSWERS.jsonl`.
struct BatchCommand: CheckedCommand {
  static let configuration = CommandConfiguration(
    commandName: "batch",
    abstract: "Answer a file of requests, many at once.",
    discussion: """
      REQUESTS.jsonl has one request per line: "prompt", "messages" [{"role", "content"}], or "template" with \
      "variables" {name: value}; beside "messages" also "tools", a list as OpenAI and transformers have it, for a file whose \
      chat template asks for tools: a message may then have "tool_calls", "tool_call_id" and "name", and in any case \
      "reasoning_content", "reasoning" or "thinking"; what the chat template does not ask for it does not see. And optionally "id" (a string or an integer), "adapter" (NAME or NAME:SCALE), "schema" (an \
      object or its text) or "choices" (a list), "prefill" (the answer's first words, which it does not repeat), "max_tokens" (0: no token), \
      "min_tokens", "max_reasoning_tokens", "temperature", "top_p", "top_k", "min_p", "seed", "stop" (a string or a list, \
      which ends reasoning and answer alike), \
      "stop_token_ids", "ignore_eos", "logit_bias" {"ID": value}, "banned_token_ids", "repetition_penalty" (over \
      "repetition_scope": "both", "answer" or "prompt", the last "repetition_window" tokens of it), "presence_penalty" and \
      "frequency_penalty" (over "penalty_scope", "answer" unless given, and "penalty_window"), "logprobs", "top_logprobs" and \
      "prompt_logprobs" (the answer's line then has them). \
      Null counts as not given. Any other field is an error that names it. ANSWERS.jsonl, which only you can read when \
      it is new, gets a line for each: "id" as it was, "text", "tokens", "reasoning", "finish_reason", "error" (null \
      when all went well), "line" (of the request), "digest", "request_digest" and "origin" (digests of model, chat \
      template, template and adapter, and the settings). An answer does not depend on its neighbours. A run \
      that was stopped or killed goes on where it stopped when it is repeated: answers that are there stay, those that \
      failed, too, unless --retry-failed is given; half a line is dropped, and a file of other requests, another model or \
      other settings is refused with what differs. Lines reach the disk every two seconds. A line that is no request is named and gets an "error"; the rest runs, and the \
      exit code is 1.
      """)

  @Argument(help: "The .vial file.")
  var file: String

  @Option(name: .customLong("in"), help: ArgumentHelp("The requests, JSONL.", valueName: "path"))
  var input: String

  @Option(help: ArgumentHelp("The answers; goes on where they end.", valueName: "path"))
  var out: String

  @Flag(
    inversion: .prefixedNo,
    help: "Answers in the order of the requests, instead of as they are ready.")
  var ordered = false

  @Flag(
    help: ArgumentHelp(
      "Drop the answers that failed in an earlier run and try their lines again, which may have been mended meanwhile."
    ))
  var retryFailed = false

  @Flag(help: "No chat template: the file's BOS and the prompt.")
  var raw = false

  @Option(
    parsing: .unconditional,
    help: "Most tokens of an answer, unless its line says otherwise; 0: none.")
  var maxTokens: Int = 2048

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Most requests at once, \(OptionRange.parallel.text).", valueName: "n")
  )
  var parallel = 32

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Most memory for the KV cache, in MB, at least 1 (default: what 32,768 tokens need).",
      valueName: "mb"))
  var cacheMemory: Int?

  @OptionGroup var compute: ComputeArguments

  @OptionGroup var memory: MemoryArguments

  func check() throws {
    try compute.check()
    if maxTokens < 0 { throw ValidationError("--max-tokens must not be negative") }
    try OptionRange.parallel.check(parallel)
    if let cacheMemory, !(1...(1 << 40)).contains(cacheMemory) {
      throw ValidationError("--cache-memory must be at least 1")
    }
  }

  func run() throws {
    try CommandFailure.wrap {
      let model = try Model.opened(file)
      if let notice = try model.notice() { StandardError.write(notice) }
      var options = EngineOptions(compute: compute.options)
      options.runningLimit = parallel
      options.cacheByteLimit = cacheMemory.map { $0 * 1_000_000 }
      let engine = try memory.engine(model, options)
      let settings = BatchSettings(
        isRaw: raw, isOrdered: ordered, retriesFailed: retryFailed,
        parallelCount: parallel,
        cacheType: compute.kv.rawValue,
        defaults: GenerationOptions(
          maximumTokens: maxTokens, sampling: model.recommendedSampling))
      SignalTrap.install()
      let lines = try LineFile(path: input)
      let job = BatchJob(engine, settings: settings, lines: lines, log: try BatchLog(path: out))
      let start = MonotonicClock.seconds
      do {
        let summary = try job.run()
        let seconds = max(MonotonicClock.seconds - start, 1e-9)
        StandardError.write(
          "\(summary.answeredCount) answered (\(Int(Double(summary.tokenCount) / seconds)) tokens/s), "
            + "\(summary.earlierCount) there before, \(summary.failedCount) failed")
        if summary.failedCount > 0 { throw ExitCode(1) }
      } catch BatchJob.ExitStatus.interrupted(let signal) { throw ExitCode(128 + signal) }
    }
  }
}

// Owns: `vial bench`: arguments, and how results are shown.
// Must not: measure.

import ArgumentParser
import VialCompute
import VialFormat
import VialModel
import VialSystem

/// `vial bench FILE`.
struct BenchCommand: CheckedCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measure speed, and what share it is of what the machine can do.",
    discussion: """
      Two tests: prefill computes a prompt, decode generates after a text of --depth tokens. Lists multiply: every \
      combination is a test. Prefill always starts at depth 0; a --prompt or --generate of 0 leaves its test out.

      The limits are measured in turns with the tests, on the same threads. Prefill is compared with the int8 peak \
      of the instruction set (two operations for each weight of the layers and token, the head and what follows the last layer's attention once \
      a sequence), \
      decode with the read bandwidth (each step reads layers, head and KV cache once). A share above 100% \
      says that the model fits into the processor's caches, where the limit of memory does not hold. Times are medians. Tokens \
      are made up; what the model says does not matter.
      """)

  @Argument(help: "The .vial file.")
  var file: String

  @Option(parsing: .unconditional, help: ArgumentHelp("Tokens of a prompt.", valueName: "N,.."))
  var prompt = CountList(512)

  @Option(parsing: .unconditional, help: ArgumentHelp("Tokens to generate.", valueName: "N,.."))
  var generate = CountList(64)

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Sequences computed together, \(OptionRange.benchBatch.text).", valueName: "N,.."))
  var batch = CountList(1)

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Tokens before those that are generated.", valueName: "N,.."))
  var depth = CountList(0)

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Threads, \(OptionRange.threads.text) (default: the processors that this process may use).",
      valueName: "N,.."))
  var threads: CountList?

  @Option(
    help: ArgumentHelp(
      "Adapters of the file, or \"none\", that the sequences of a batch use in turn.",
      valueName: "name,.."))
  var adapters: String?

  @Option(help: "Number type of the KV cache: f32, f16 or int8.")
  var kv: KVCacheType = .f16

  @Option(
    help: """
      Instruction-set family, such as avx2 or reference (default: the fastest that this CPU runs).
      """)
  var isa: String?

  @Flag(help: "A JSON array, one object for each test.")
  var json = false

  func check() throws {
    try ComputeArguments.check(isa: isa)
    for count in batch.counts { try OptionRange.benchBatch.check(count) }
    for count in threads?.counts ?? [] { try OptionRange.threads.check(count) }
    guard (prompt.counts + generate.counts + depth.counts).allSatisfy({ $0 <= 1 << 24 }) else {
      throw ValidationError("--prompt, --generate and --depth must be at most \(1 << 24)")
    }
    guard (prompt.counts + generate.counts).contains(where: { $0 > 0 }) else {
      throw ValidationError("--prompt and --generate are both 0: there is nothing to measure")
    }
  }

  func run() throws {
    try CommandFailure.wrap {
      let opened: ModelFile
      let weights: DecoderWeights
      do throws(ModelError) {
        opened = try ModelFile(path: file)
        weights = try opened.weights()
      } catch { throw CommandFailure(FileInspection.line(error, path: file)) }
      let plan = BenchPlan(
        prompts: prompt.counts, generates: generate.counts, batches: batch.counts,
        depths: depth.counts, threads: threads?.counts ?? [Processors.availableCount])
      guard let layout = KVCacheLayout(type: kv, shape: weights.shape),
        let family = isa.flatMap(KernelFamily.init(named:)) ?? KernelFamily.available.first
      else { throw CommandFailure("not enough memory for the KV cache") }
      try plan.check(
        contextLength: opened.descriptor.configuration.contextLength, layout: layout)
      let used = try used(opened.adapters)
      SignalTrap.install()
      let job = BenchJob(
        weights: weights, plan: plan, cacheType: kv, family: family, adapters: used)
      let report = BenchReport(
        path: file, cacheType: kv, family: family, results: try job.run())
      try StandardOutput.write(json ? report.json() : report.text())
    }
  }

  /// The adapters of the sequences, in turn; empty: none at all.
  private func used(_ set: AdapterSet) throws -> [AppliedAdapter?] {
    guard let adapters else { return [] }
    return try adapters.split(separator: ",", omittingEmptySubsequences: false).map { name in
      if name == "none" { return nil }
      guard let adapter = try set.find(String(name)) else {
        throw AdapterChoice.unknown(String(name), of: set.adapters.map(\.name))
      }
      return try adapter.applied()
    }
  }
}

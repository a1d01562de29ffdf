// Owns: the results of `vial bench` as a table or as JSON.
// Must not: measure.

import VialCompute
import VialModel
import VialSystem

/// All results of one command.
struct BenchReport {
  let path: String
  let cacheType: KVCacheType
  let family: KernelFamily
  let results: [BenchResult]

  /// A table with a line on top that says what all tests have in common.
  func text() -> String {
    var table = TextTable(
      [
        .left, .right, .right, .right, .right, .right, .right, .right, .right, .right, .right,
        .right,
      ],
      header: [
        "test", "tokens", "batch", "depth", "threads", "seconds", "spread", "CPU", "tokens/s",
        "reached", "limit", "share",
      ])
    for result in results {
      let test = result.test
      table.add(
        [
          test.kind.rawValue, "\(test.prompt + test.generate)", "\(test.batch)", "\(test.depth)",
          "\(test.threads)", ByteText.fixed(result.medianSeconds, 3), Self.percent(result.spread),
          Self.percent(result.processorFraction), Self.rate(result.tokensPerSecond),
        ] + Self.limit(result) + [Self.percent(result.fractionOfLimit)])
    }
    return "\(TerminalText.line(path)): \(family.name), KV cache \(cacheType.rawValue)\n"
      + table.text()
  }

  /// What was reached and what could have been, in the unit of the limit.
  private static func limit(_ result: BenchResult) -> [String] {
    switch result.test.kind {
    case .prefill:
      return [result.operationsPerSecond, result.limits.operationsPerSecond].map {
        "\(ByteText.fixed($0 / 1e9, 0)) GOP/s"
      }
    case .decode:
      return [result.bytesPerSecond, result.limits.bytesPerSecond].map {
        "\(ByteText.fixed($0 / 1e9, 1)) GB/s"
      }
    }
  }

  private static func rate(_ rate: Double) -> String { ByteText.fixed(rate, rate < 100 ? 1 : 0) }

  private static func percent(_ fraction: Double) -> String {
    "\(ByteText.fixed(fraction * 100, 0))%"
  }

  /// An array; the keys that README and `--help` promise, and some more.
  func json() -> String {
    var output = JSONOutput()
    output.array { output in
      for result in results { output.object { write(result, to: &$0) } }
    }
    return output.text + "\n"
  }

  private func write(_ result: BenchResult, to output: inout JSONOutput) {
    let test = result.test
    output.member("test", test.kind.rawValue)
    output.member("prompt", test.prompt)
    output.member("generate", test.generate)
    output.member("batch", test.batch)
    output.member("depth", test.depth)
    output.member("threads", test.threads)
    output.member("isa", result.family)
    output.member("kv", cacheType.rawValue)
    output.member("kv_bytes", result.cacheByteCount)
    output.member("tokens_per_second", result.tokensPerSecond)
    output.member("seconds", result.medianSeconds)
    output.member("spread", result.spread)
    output.member("processor_share", result.processorFraction)
    output.member("repetitions", result.seconds.count)
    output.member("bytes_per_second", result.bytesPerSecond)
    output.member("operations_per_second", result.operationsPerSecond)
    output.member("read_bandwidth", result.limits.bytesPerSecond)
    output.member("int8_peak", result.limits.operationsPerSecond)
    output.member("share_of_limit", result.fractionOfLimit)
  }
}

// Owns: an engine's metrics as text that monitoring systems read (Prometheus' exposition format,
// version 0.0.4).
// Must not: name anything that a caller chose.

extension EngineMetrics {
  /// One metric a line, with a line each of help and type before it. A few kilobytes.
  public var prometheusText: String {
    var text = MetricsText()
    text.counter("requests_submitted", "Requests that were accepted.", submittedCount)
    text.counter("requests_refused", "Requests that a full queue refused.", refusedCount)
    text.begin("requests_finished_total", "counter", "Requests that ended, by reason.")
    for reason in FinishReason.allCases {
      text.line(
        "requests_finished_total{reason=\"\(reason.rawValue)\"}", finishedCounts[reason])
    }
    text.gauge("requests_waiting", "Requests that wait.", waitingCount)
    text.gauge("requests_running", "Requests that are computed.", activeCount)
    text.gauge("kv_blocks", "KV blocks of 64 tokens.", blockCount)
    text.gauge("kv_blocks_held", "Blocks of requests and pinned prompts.", referencedBlockCount)
    text.gauge(
      "kv_blocks_kept", "Blocks cached for prompts with the same prefix.", cachedBlockCount)
    text.gauge("kv_blocks_pinned", "Blocks of pinned prompts.", pinnedBlockCount)
    text.counter("kv_evictions", "Cached blocks that were evicted.", evictionCount)
    text.counter("preemptions", "Requests that were preempted and computed again.", preemptionCount)
    text.counter("prompt_tokens", "Tokens of prompts that were computed.", promptTokenCount)
    text.counter("cached_tokens", "Tokens that were found in the prefix cache.", cachedTokenCount)
    text.counter("generated_tokens", "Tokens that were generated.", generatedTokenCount)
    text.counter("steps", "Steps.", stepCount)
    text.begin("step_seconds_total", "counter", "Seconds of all steps.")
    text.line("step_seconds_total", stepSeconds)
    text.histogram("first_token_seconds", "From submission to the first token.", firstTokenSeconds)
    text.histogram("token_seconds", "From a token of a request to its next.", tokenSeconds)
    return text.text
  }
}

private struct MetricsText {
  private(set) var text = ""

  mutating func begin(_ name: String, _ type: String, _ help: String) {
    text += "# HELP vial_\(name) \(help)\n# TYPE vial_\(name) \(type)\n"
  }

  mutating func line(_ name: String, _ value: some CustomStringConvertible) {
    text += "vial_\(name) \(value)\n"
  }

  mutating func counter(_ name: String, _ help: String, _ value: UInt64) {
    begin(name + "_total", "counter", help)
    line(name + "_total", value)
  }

  mutating func gauge(_ name: String, _ help: String, _ value: Int) {
    begin(name, "gauge", help)
    line(name, value)
  }

  mutating func histogram(_ name: String, _ help: String, _ values: LatencyHistogram) {
    begin(name, "histogram", help)
    var below: UInt64 = 0
    for (index, bound) in LatencyHistogram.bounds.enumerated() {
      below += values.counts[index]
      line("\(name)_bucket{le=\"\(bound)\"}", below)
    }
    line("\(name)_bucket{le=\"+Inf\"}", values.count)
    line("\(name)_sum", values.sum)
    line("\(name)_count", values.count)
  }
}

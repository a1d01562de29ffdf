// Owns: what `vial eval` says at the end: a table for people or one JSON object.
// Must not: score a question; VialEvaluation does.

import Vial
import VialEvaluation
import VialSystem

/// The figures of an evaluation.
struct EvalReport {
  let settings: EvalSettings
  let file: QuestionFile
  let summary: EvaluationSummary

  /// A table for people.
  func text() -> String {
    var table = TextTable([.left, .right, .right, .left, .right, .left])
    let isScored = summary.all.normalized != nil
    table.add(["", "questions", "right, %", ""] + (isScored ? ["per byte, %", ""] : []))
    // One category says what all say.
    if summary.categories.count > 1 {
      for category in summary.categories {
        table.add(Self.row(category.name.isEmpty ? "(none)" : category.name, category))
      }
    }
    table.add(Self.row("all", summary.all))
    return table.text(indent: 0) + reliability() + notes()
  }

  private static func row(_ name: String, _ category: EvaluationSummary.Category) -> [String] {
    func cells(_ accuracy: Accuracy) -> [String] {
      func percent(_ fraction: Double) -> String { ByteText.fixed(fraction * 100, 1) }
      let (low, high) = accuracy.interval
      return [percent(accuracy.value), "(\(percent(low)) to \(percent(high)))"]
    }
    return [name, String(category.accuracy.count)]
      + cells(category.accuracy) + (category.normalized.map(cells) ?? [])
  }

  /// Reliability, and what abstaining would give; nothing when options were not scored.
  private func reliability() -> String {
    guard let reliability = summary.reliability else { return "" }
    var bins = TextTable(
      [.right, .right, .right, .right],
      header: ["confidence, %", "questions", "mean, %", "right, %"])
    for bin in reliability.bins where bin.count > 0 {
      bins.add([
        "\(ByteText.fixed(bin.low * 100, 0)) to \(ByteText.fixed(bin.low * 100 + 10, 0))",
        String(bin.count), ByteText.fixed(bin.confidence * 100, 1),
        ByteText.fixed(Double(bin.correctCount) / Double(bin.count) * 100, 1),
      ])
    }
    var abstaining = TextTable(
      [.right, .right, .right], header: ["answering from, %", "answered, %", "right of these, %"])
    for abstention in reliability.abstentions where abstention.accuracy.count > 0 {
      let fraction = Double(abstention.accuracy.count) / Double(reliability.count)
      abstaining.add([
        ByteText.fixed(abstention.threshold * 100, 0), ByteText.fixed(fraction * 100, 1),
        ByteText.fixed(abstention.accuracy.value * 100, 1),
      ])
    }
    return "\n" + bins.text(indent: 0) + "\n" + abstaining.text(indent: 0) + "\n"
  }

  private func notes() -> String {
    var notes = "mode \(settings.mode.rawValue)\(settings.isRaw ? ", raw" : ""); "
    if let reliability = summary.reliability {
      notes += "calibration error \(ByteText.fixed(reliability.expectedError, 4)), "
      notes += "Brier score \(ByteText.fixed(reliability.brierScore, 4)); "
    }
    notes += "\(ByteText.fixed(summary.medianSeconds, 3)) s a question (median),"
    notes += " \(ByteText.fixed(summary.p95Seconds, 3)) s (95th percentile); "
    notes += "peak memory \(ByteText.text(RunningProcess.peakMemoryByteCount))\n"
    let counts = [
      (summary.unreadCount, "answers without a choice, counted as wrong"),
      (summary.failedCount, "questions that could not be put, counted as wrong"),
      (file.unlabeledCount, "questions without a published answer, left out"),
      (file.brokenLines.count, "broken lines, left out"),
    ]
    for (count, what) in counts where count > 0 { notes += "\(count) \(what)\n" }
    return notes + "in brackets: 95% intervals (Wilson)\n"
  }

  /// The same as one object.
  func json() -> String {
    var output = JSONOutput()
    output.object { output in
      output.member("mode", settings.mode.rawValue)
      output.member("raw", settings.isRaw)
      output.member("model_digest", settings.modelDigest)
      if let adapter = settings.adapter { output.member("adapter", adapter) }
      if let template = settings.template { output.member("template", template) }
      Self.members(summary.all, &output)
      output.key("calibration_error")
      if let reliability = summary.reliability {
        output.value(reliability.expectedError)
        Self.members(reliability, &output)
      } else {
        output.null()
      }
      output.member("unread", summary.unreadCount)
      output.member("failed", summary.failedCount)
      output.member("unlabelled", file.unlabeledCount)
      output.member("broken_lines", file.brokenLines.count)
      output.member("median_seconds", summary.medianSeconds)
      output.member("p95_seconds", summary.p95Seconds)
      output.member("peak_memory_bytes", RunningProcess.peakMemoryByteCount)
      output.key("categories")
      output.array { output in
        for category in summary.categories {
          output.object { output in
            output.member("category", category.name)
            Self.members(category, &output)
          }
        }
      }
    }
    return output.text + "\n"
  }

  private static func members(_ reliability: Reliability, _ output: inout JSONOutput) {
    output.member("brier_score", reliability.brierScore)
    output.key("reliability")
    output.array { output in
      for bin in reliability.bins {
        output.object { output in
          output.member("from", bin.low)
          output.member("questions", bin.count)
          output.member("correct", bin.correctCount)
          output.member("confidence", bin.confidence)
        }
      }
    }
    output.key("abstaining")
    output.array { output in
      for abstention in reliability.abstentions {
        output.object { output in
          output.member("threshold", abstention.threshold)
          output.member("answered", abstention.accuracy.count)
          output.member("correct", abstention.accuracy.correctCount)
          output.member("accuracy", abstention.accuracy.value)
        }
      }
    }
  }

  private static func members(
    _ category: EvaluationSummary.Category, _ output: inout JSONOutput
  ) {
    func add(_ name: String, _ accuracy: Accuracy) {
      output.member(name, accuracy.value)
      output.key(name + "_interval")
      output.array { output in
        output.value(accuracy.interval.low)
        output.value(accuracy.interval.high)
      }
    }
    output.member("questions", category.accuracy.count)
    output.member("correct", category.accuracy.correctCount)
    add("accuracy", category.accuracy)
    if let normalized = category.normalized { add("accuracy_normalized", normalized) }
  }
}

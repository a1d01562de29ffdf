// Owns: what `vial eval` says at the end: a table for people or one JSON object.

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
    return table.text(indent: 0) + notes()
  }

  private static func row(_ name: String, _ category: EvaluationSummary.Category) -> [String] {
    func cells(_ accuracy: Accuracy) -> [String] {
      func percent(_ share: Double) -> String { ByteText.fixed(share * 100, 1) }
      let (low, high) = accuracy.interval
      return [percent(accuracy.value), "(\(percent(low)) to \(percent(high)))"]
    }
    return [FileInspection.printable(name), String(category.accuracy.count)]
      + cells(category.accuracy) + (category.normalized.map(cells) ?? [])
  }

  private func notes() -> String {
    var notes = "mode \(settings.mode.rawValue)\(settings.isRaw ? ", raw" : ""); "
    if let error = summary.calibrationError {
      notes += "calibration error \(ByteText.fixed(error, 4)); "
    }
    notes += "\(ByteText.fixed(summary.medianSeconds, 3)) s a question (median),"
    notes += " \(ByteText.fixed(summary.p95Seconds, 3)) s (95th percentile); "
    notes += "peak memory \(ByteText.text(RunningProcess.peakMemoryByteCount))\n"
    let counts = [
      (summary.unreadCount, "answers without a choice, counted as wrong"),
      (summary.failedCount, "questions that could not be put, counted as wrong"),
      (file.unlabelledCount, "questions without a published answer, left out"),
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
      Self.members(summary.all, &output)
      output.key("calibration_error")
      if let error = summary.calibrationError { output.value(error) } else { output.null() }
      output.member("unread", summary.unreadCount)
      output.member("failed", summary.failedCount)
      output.member("unlabelled", file.unlabelledCount)
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

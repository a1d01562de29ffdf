// Owns: what several answers to one prompt agree on.
// Must not: ask, or judge whether they are right.

import VialText

/// Answers to the same prompt, counted (self-consistency, Wang et al., ICLR 2023).
package struct SampleVote {
  /// Number of the answer that most samples give; of equals the first.
  package let winner: Int
  /// Samples that give it.
  package let count: Int
  /// Samples that ended by themselves, whether or not they agree.
  package let sampleCount: Int

  /// Share of the samples that agree with the winner; NaN when none ended by itself.
  package var agreement: Double { Double(count) / Double(sampleCount) }

  /// Counts answers; nil when all were cut.
  /// - Parameter answers: texts; nil for an answer that was cut, which is never counted.
  package init?(_ answers: [String?]) {
    var counts: [String: (first: Int, count: Int)] = [:]
    for (index, answer) in answers.enumerated() {
      guard let answer else { continue }
      counts[Self.key(answer), default: (index, 0)].count += 1
    }
    guard
      let best = counts.values.max(by: { ($0.count, -$0.first) < ($1.count, -$1.first) })
    else { return nil }
    winner = best.first
    count = best.count
    sampleCount = answers.count { $0 != nil }
  }

  /// JSON counts by its values, other texts without white space at their ends.
  private static func key(_ answer: String) -> String {
    let trimmed = answer.utf8.drop { $0 <= 0x20 }.reversed().drop { $0 <= 0x20 }.reversed()
    let bytes = Array(trimmed)
    if let value = try? JSONReader.parse(bytes) {
      return String(decoding: value.compactText, as: UTF8.self)
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

// Owns: the size of chunked prefill: how many prompt tokens a step computes beside decoding
// requests.
// Must not: change what is computed: any split gives the same bits.
// Source: chunked prefill under a latency target (Sarathi-Serve, Agrawal et al., OSDI 2024).

/// Bounds the time of mixed steps by that of steps that only decode, measured on this very machine
/// and model.
package struct StepBudget {
  /// Most tokens of a step.
  package let stepLimit: Int
  private let stepPromptTokens: Int?
  /// Steps that only decode.
  private var plain: StepTimes
  /// Steps with tokens of prompts.
  private var mixed: StepTimes
  /// Steps with both since the last one that only decoded.
  private var mixedCount = 0
  /// A mixed step should take at most this many times a decoding step's time. It falls while too
  /// many steps are late, because the machine's load changes and texts grow.
  private var targetRatio = Self.greatestRatio
  private static let greatestRatio = 2.5
  private static let leastRatio = 1.25
  /// A mixed step is late beyond so many times a decoding step's time; one step in a hundred may
  /// be. One decoding step in a hundred takes a third of that on a machine with little else to do.
  private static let lateRatio = 3.5
  /// Seconds beyond which the next step is late; nil when it was not meant to keep to the ratio.
  private var lateThreshold: Double?
  /// After so many mixed steps one only decodes, to measure it: texts grow.
  private static let mixedRun = 64

  /// - Parameter stepPromptTokens: tokens of prompts in a mixed step; nil: adaptive.
  package init(stepLimit: Int, stepPromptTokens: Int?) {
    self.stepLimit = stepLimit
    self.stepPromptTokens = stepPromptTokens
    plain = StepTimes(largest: stepLimit)
    mixed = StepTimes(largest: stepLimit)
  }

  /// Tokens of prompts that may go into a step beside `decodingTokens` other tokens.
  ///
  /// While more requests with short prompts start than decode, a step may take longer in that
  /// proportion (`stretch`), and any time when none decodes: a burst then starts together, and
  /// decodes together.
  /// - Parameters:
  ///   - decodingCount: requests whose answer is under way. One that has barely begun came with the
  ///     prompts that follow it, and waits for them.
  ///   - shortPromptCount: requests whose prompt fits one step.
  package mutating func promptTokens(
    decodingTokens: Int, decodingCount: Int, shortPromptCount: Int
  ) -> Int {
    let capacity = max(0, stepLimit - decodingTokens)
    lateThreshold = nil
    guard decodingTokens > 0, capacity > 0 else { return capacity }
    if let stepPromptTokens { return min(stepPromptTokens, capacity) }
    if decodingCount == 0, shortPromptCount > 0 { return capacity }
    guard mixedCount < Self.mixedRun, let base = plain[decodingTokens] else { return 0 }
    let stretch = max(1, Double(shortPromptCount) / Double(max(1, decodingCount)))
    lateThreshold = stretch == 1 ? base * Self.lateRatio : nil
    let size = mixed.bestSize(
      within: base * targetRatio * stretch, beyond: decodingTokens, base: base)
    return size - decodingTokens
  }

  /// Learns from a step.
  package mutating func note(seconds: Double, decodingTokens: Int, promptTokens: Int) {
    // A clock that stands still must not look like a step that was never made.
    let seconds = max(seconds, 1e-9)
    if promptTokens == 0 {
      plain.note(seconds, tokenCount: decodingTokens)
      mixedCount = 0
    } else {
      mixed.note(seconds, tokenCount: decodingTokens + promptTokens)
      mixedCount += decodingTokens > 0 ? 1 : 0
      if let lateThreshold { adjust(isLate: seconds > lateThreshold) }
    }
  }

  /// Down a hundred times as fast as up: it settles where one step in a hundred is late.
  private mutating func adjust(isLate: Bool) {
    targetRatio *= isLate ? 0.97 : 1.0003
    targetRatio = min(Self.greatestRatio, max(Self.leastRatio, targetRatio))
  }
}

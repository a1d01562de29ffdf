// Owns: how many tokens of prompts go into a step beside requests that decode, so that these do not wait long.
// Must not: change what is computed: any split gives the same bits.

/// Bounds the time of mixed steps by that of steps that only decode, measured on this very machine and model.
package struct StepBudget {
  /// Most tokens of a step.
  package let stepLimit: Int
  private let fixed: Int?
  /// Steps that only decode.
  private var plain: StepTimes
  /// Steps with tokens of prompts.
  private var mixed: StepTimes
  /// Steps with both since the last one that only decoded.
  private var mixedCount = 0
  /// A mixed step should take at most this many times a decoding step's time.
  private static let aim = 2.5
  /// After so many mixed steps one only decodes, to measure it: texts grow.
  private static let mixedRun = 64

  /// - Parameter fixed: tokens of prompts in a mixed step; nil finds out.
  package init(stepLimit: Int, fixed: Int?) {
    self.stepLimit = stepLimit
    self.fixed = fixed
    plain = StepTimes(largest: stepLimit)
    mixed = StepTimes(largest: stepLimit)
  }

  /// Tokens of prompts that may go into a step beside `decoding` other tokens.
  /// - Parameters:
  ///   - settled: those of the others whose answer is under way. One that has barely begun came with the prompts that
  ///     follow it, and waits for them.
  ///   - starting: requests whose prompt fits one step. While they are more than the settled ones, a step may take longer
  ///     in that proportion, and any time when there are none: a burst then starts together, and later decodes together.
  package mutating func promptTokens(decoding: Int, settled: Int, starting: Int) -> Int {
    let room = max(0, stepLimit - decoding)
    guard decoding > 0, room > 0 else { return room }
    if let fixed { return min(fixed, room) }
    if settled == 0, starting > 0 { return room }
    guard mixedCount < Self.mixedRun, let base = plain[decoding] else { return 0 }
    let patience = max(1, Double(starting) / Double(max(1, settled)))
    let size = mixed.largestSize(
      within: base * Self.aim * patience, beyond: decoding, base: base)
    return size - decoding
  }

  /// Learns from a step.
  package mutating func note(seconds: Double, decoding: Int, promptTokens: Int) {
    // A clock that stands still must not look like a step that was never made.
    let seconds = max(seconds, 1e-9)
    if promptTokens == 0 {
      plain.note(seconds, tokenCount: decoding)
      mixedCount = 0
    } else {
      mixed.note(seconds, tokenCount: decoding + promptTokens)
      mixedCount += decoding > 0 ? 1 : 0
    }
  }
}

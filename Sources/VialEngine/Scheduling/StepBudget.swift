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
  /// A mixed step should take at most this many times a decoding step's time: less where too many take far longer than
  /// meant, as machines are disturbed and texts grow.
  private var aim = Self.greatestAim
  private static let greatestAim = 2.5
  private static let leastAim = 1.25
  /// So many times a decoding step's time is late; one step in a hundred may be. Three times what one decoding step in a
  /// hundred takes itself, on a machine with little else to do.
  private static let lateness = 3.5
  /// What the next step is late beyond, when it was meant to keep to the aim.
  private var lateAfter: Double?
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
    lateAfter = nil
    guard decoding > 0, room > 0 else { return room }
    if let fixed { return min(fixed, room) }
    if settled == 0, starting > 0 { return room }
    guard mixedCount < Self.mixedRun, let base = plain[decoding] else { return 0 }
    let patience = max(1, Double(starting) / Double(max(1, settled)))
    lateAfter = patience == 1 ? base * Self.lateness : nil
    let size = mixed.bestSize(
      within: base * aim * patience, beyond: decoding, base: base)
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
      if let lateAfter { adjust(isLate: seconds > lateAfter) }
    }
  }

  /// Down a hundred times as fast as up: it settles where one step in a hundred is late.
  private mutating func adjust(isLate: Bool) {
    aim *= isLate ? 0.97 : 1.0003
    aim = min(Self.greatestAim, max(Self.leastAim, aim))
  }
}

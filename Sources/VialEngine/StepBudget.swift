// Owns: how many tokens of prompts go into a step beside requests that decode, so that these do not wait long.
// Must not: change what is computed: any split gives the same bits.

/// Bounds the time of mixed steps by that of steps that only decode, measured on this very machine and model.
package struct StepBudget {
  /// Most tokens of a step.
  package let stepLimit: Int
  private let fixed: Int?
  private var allowed: Double
  /// Seconds of steps that only decode, by the power of two of their token count; 0 when not measured yet.
  private var decodeSeconds = [Double](repeating: 0, count: 16)
  /// A mixed step should take between this many times a decoding step's time.
  private static let aim = 1.9...2.3
  /// Before anything was measured.
  private static let firstAllowance = 16.0
  private static let least = 4.0

  /// - Parameter fixed: tokens of prompts in a mixed step; nil finds out.
  package init(stepLimit: Int, fixed: Int?) {
    self.stepLimit = stepLimit
    self.fixed = fixed
    allowed = min(Self.firstAllowance, Double(stepLimit))
  }

  /// Tokens of prompts that may go into a step beside `decoding` other tokens.
  package func promptTokens(decoding: Int) -> Int {
    guard decoding > 0 else { return stepLimit }
    let allowed = fixed ?? Int(allowed)
    return max(0, min(allowed, stepLimit - decoding))
  }

  /// Learns from a step.
  package mutating func note(seconds: Double, decoding: Int, promptTokens: Int) {
    guard decoding > 0, seconds > 0 else { return }
    let size = min(decodeSeconds.count - 1, Int.bitWidth - decoding.leadingZeroBitCount)
    if promptTokens == 0 {
      let known = decodeSeconds[size]
      decodeSeconds[size] = known == 0 ? seconds : known + (seconds - known) / 8
      return
    }
    // Fewer tokens decode faster, so what is known of them is a safe guess.
    guard let plain = decodeSeconds[...size].last(where: { $0 > 0 }) else { return }
    let ratio = seconds / plain
    if ratio > Self.aim.upperBound {
      allowed = max(Self.least, allowed * 0.85)
    } else if ratio < Self.aim.lowerBound, promptTokens >= Int(allowed) {
      allowed = min(Double(stepLimit), allowed * 1.05 + 0.5)
    }
  }
}

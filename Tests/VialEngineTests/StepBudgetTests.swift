// Owns: how prompts share steps with answers, on machines made up of a formula. Must not: compute or look at a clock.

import Testing
import VialEngine

@Suite struct StepBudgetTests {
  /// Seconds of a step of `tokenCount` tokens.
  typealias Machine = @Sendable (_ tokenCount: Int) -> Double

  /// Makes steps beside `decoding` answers, as long as a long prompt lasts; tokens of prompts and seconds of each.
  static func steps(
    _ budget: inout StepBudget, count: Int, decoding: Int, settled: Int? = nil, starting: Int = 0,
    _ machine: Machine
  ) -> [(promptTokens: Int, seconds: Double)] {
    (0..<count).map { _ in
      let tokens = budget.promptTokens(
        decodingTokens: decoding, decodingCount: settled ?? decoding, shortPromptCount: starting)
      let seconds = machine(decoding + tokens)
      budget.note(seconds: seconds, decodingTokens: decoding, promptTokens: tokens)
      return (tokens, seconds)
    }
  }

  /// Memory is the limit up to 8 columns, panels of 8 columns beyond; the numbers are those of a model with 1.5 billion
  /// parameters on two processors.
  static let panels: Machine = {
    $0 <= 8 ? 0.027 + 0.001 * Double($0) : 0.03 * Double(($0 + 7) / 8)
  }

  /// The same with products that multiply 2, 4 or 6 columns of a panel that is partly full; two columns are the dearest.
  static let parts: Machine = {
    let pairs = ($0 + 1) / 2 * 2
    guard pairs > 8 else { return 0.027 + 0.001 * Double(pairs) }
    return 0.03 * Double(pairs / 8) + (pairs % 8 == 0 ? 0 : 0.006 + 0.003 * Double(pairs % 8))
  }

  /// Prompts get as much of a step as the answers beside them can wait for, whatever a token costs.
  @Test(arguments: [0.02, 0.1, 1])
  func promptsBesideAnswersTakeWhatTimeAllows(_ tokenCost: Double) {
    var budget = StepBudget(stepLimit: 256, stepPromptTokens: nil)
    #expect(budget.promptTokens(decodingTokens: 0, decodingCount: 0, shortPromptCount: 0) == 256)
    // What answers take alone is measured first.
    #expect(budget.promptTokens(decodingTokens: 3, decodingCount: 3, shortPromptCount: 0) == 0)
    let machine: Machine = { 1 + tokenCost * Double($0 - 3) }
    let steps = Self.steps(&budget, count: 900, decoding: 3, machine)
    let mixed = steps.dropFirst(400).filter { $0.promptTokens > 0 }
    let mean = mixed.reduce(0) { $0 + $1.seconds } / Double(mixed.count)
    #expect((1.9...2.8).contains(mean), "\(mean)")
    #expect(mixed.count { $0.seconds > 3 } < 5)
  }

  /// Where a panel costs the same however full it is, it is filled, but for a step now and then that tries another size.
  @Test(arguments: [1, 3, 8, 11, 40])
  func stepsFillPanels(_ decoding: Int) {
    var budget = StepBudget(stepLimit: 256, stepPromptTokens: nil)
    let steps = Self.steps(&budget, count: 400, decoding: decoding, Self.panels)
    let alone = Self.panels(decoding)
    let mixed = steps.dropFirst(50).filter { $0.promptTokens > 0 }
    let full = mixed.count { (decoding + $0.promptTokens) % 8 == 0 }
    #expect(full * 10 >= mixed.count * 9, "\(full) of \(mixed.count)")
    let slow = steps.count { $0.seconds > 3 * alone }
    #expect(slow * 100 < steps.count)
    let tokens = steps.reduce(0) { $0 + $1.promptTokens }
    #expect(Double(tokens) / Double(steps.count) >= 7, "\(tokens)")
  }

  /// Panels are partly full where that gives a prompt more in the same time, and full where it does not.
  @Test(arguments: [(1, 15), (2, 14), (6, 14), (8, 14)])
  func stepsFillPartsOfPanels(_ decoding: Int, _ promptTokens: Int) {
    var budget = StepBudget(stepLimit: 256, stepPromptTokens: nil)
    let steps = Self.steps(&budget, count: 1000, decoding: decoding, Self.parts)
    let alone = Self.parts(decoding)
    #expect(steps.allSatisfy { $0.seconds <= 3 * alone })
    let usual = steps.dropFirst(100).count { $0.promptTokens == promptTokens }
    #expect(usual >= 750, "\(usual)")
  }

  /// While more requests begin than answer, steps may be longer in proportion; never for long prompts.
  @Test func burstsStartTogether() {
    var budget = StepBudget(stepLimit: 256, stepPromptTokens: nil)
    _ = budget.promptTokens(decodingTokens: 0, decodingCount: 0, shortPromptCount: 1)
    budget.note(seconds: Self.panels(32), decodingTokens: 0, promptTokens: 32)
    let first = Self.steps(&budget, count: 3, decoding: 1, starting: 15, Self.panels)
    #expect(first.map(\.promptTokens).max() == 255)
    let later = Self.steps(&budget, count: 3, decoding: 9, starting: 7, Self.panels)
    #expect(later.allSatisfy { $0.seconds <= 3 * Self.panels(9) })
  }

  /// Who has barely begun to answer waits for those who came at the same time, but not for a long prompt.
  @Test func answersThatBarelyBeganWaitForABurst() {
    var budget = StepBudget(stepLimit: 256, stepPromptTokens: nil)
    // Nothing was measured, and nothing has to be.
    #expect(budget.promptTokens(decodingTokens: 1, decodingCount: 0, shortPromptCount: 15) == 255)
    budget.note(seconds: Self.panels(256), decodingTokens: 1, promptTokens: 255)
    #expect(budget.promptTokens(decodingTokens: 9, decodingCount: 0, shortPromptCount: 7) == 247)
    let besideLong = Self.steps(
      &budget, count: 30, decoding: 9, settled: 0, starting: 0, Self.panels)
    #expect(besideLong.dropFirst(2).allSatisfy { $0.seconds <= 3 * Self.panels(9) })
    // Those whose answers are under way decide how long, not those beside them.
    let patient = Self.steps(
      &budget, count: 3, decoding: 9, settled: 1, starting: 7, Self.panels)
    #expect(patient.allSatisfy { $0.promptTokens > 2 * besideLong[29].promptTokens })
  }

  /// Where every tenth step takes twice its time, sizes are chosen that can afford it.
  @Test func disturbedStepsAreSeldomLate() {
    var budget = StepBudget(stepLimit: 256, stepPromptTokens: nil)
    let alone = Self.panels(1)
    var (late, tokens) = (0, 0)
    for step in 0..<6000 {
      let count = budget.promptTokens(decodingTokens: 1, decodingCount: 1, shortPromptCount: 0)
      let seconds = Self.panels(1 + count) * (count > 0 && step % 10 == 0 ? 2 : 1)
      budget.note(seconds: seconds, decodingTokens: 1, promptTokens: count)
      guard step >= 2000 else { continue }
      late += seconds > 3.5 * alone ? 1 : 0
      tokens += count
    }
    #expect(late < 80, "\(late) of 4000")
    #expect(tokens >= 4000 * 7, "\(tokens)")
  }

  /// A machine that was slow for a while, or seemed so, is tried again.
  @Test func slownessIsForgotten() {
    var budget = StepBudget(stepLimit: 256, stepPromptTokens: nil)
    _ = Self.steps(&budget, count: 100, decoding: 4, Self.panels)
    let before = Self.steps(&budget, count: 100, decoding: 4, Self.panels)
    _ = Self.steps(&budget, count: 20, decoding: 4) { Self.panels($0) * ($0 > 8 ? 10 : 1) }
    _ = Self.steps(&budget, count: 3000, decoding: 4, Self.panels)
    let after = Self.steps(&budget, count: 100, decoding: 4, Self.panels)
    let counts = [before, after].map { $0.reduce(0) { $0 + $1.promptTokens } }
    #expect(counts[1] * 10 >= counts[0] * 8, "\(counts)")
  }

  /// Every step has tokens of the prompt, except those that measure.
  @Test func promptsAlwaysGoOn() {
    var budget = StepBudget(stepLimit: 64, stepPromptTokens: nil)
    let steps = Self.steps(&budget, count: 650, decoding: 20) { Double($0 * $0) }
    #expect(steps.count { $0.promptTokens == 0 } <= 11)
    #expect(budget.promptTokens(decodingTokens: 64, decodingCount: 64, shortPromptCount: 1) == 0)
  }

  @Test func aGivenNumberIsTaken() {
    var budget = StepBudget(stepLimit: 256, stepPromptTokens: 7)
    #expect(budget.promptTokens(decodingTokens: 3, decodingCount: 3, shortPromptCount: 9) == 7)
    #expect(budget.promptTokens(decodingTokens: 250, decodingCount: 250, shortPromptCount: 0) == 6)
  }
}

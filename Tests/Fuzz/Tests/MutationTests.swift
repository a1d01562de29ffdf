// Damaged files, field by field. `Tests/Fuzz/mutate` runs five times as many under the address sanitizer.

import FuzzTargets
import Testing

@Suite struct MutationTests {
  @Test func everyChangeIsFoundAndNoneHurts() {
    let report = FileMutator.run(count: 20_000, seed: 1)
    #expect(report.failures == [])
    #expect(report.mutantCount == 20_000)
    // Both kinds must have reached what lies behind the digests.
    #expect(report.usedCount > 1500)
    #expect(report.verifiedCount > 500)
    #expect(report.rules.count > 60)
    // Only one of the bases has a codebook.
    #expect(report.rules[335] != nil)
  }

  /// Damage behind the digests is worth nothing if calls with templates and schemas end before they reach it.
  @Test func damageBehindTheDigestsIsReached() {
    let (openedCount, templates) = DeepMutator.run(count: 600, from: 1)
    #expect(openedCount > 300)
    #expect(templates.renderCount > 500)
    #expect(templates.renderedCount * 2 > templates.renderCount)
    #expect(templates.compiledCount * 2 > templates.schemaCount)
    #expect(templates.answerCount * 2 > templates.renderCount)
  }
}

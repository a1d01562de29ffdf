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
    // Only one of the bases has levels.
    #expect(report.rules[335] != nil)
  }
}

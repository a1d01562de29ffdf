// SplitMix64 against the numbers that its authors' program gives.

import Testing
import VialNumerics

@Suite struct SplitMixTests {
  @Test func numbersAreTheAuthors() {
    var source = SplitMix(state: 1_234_567)
    #expect(source.next() == 6_457_827_717_110_365_317)
    #expect(source.next() == 3_203_168_211_198_807_973)
    #expect(source.next() == 9_817_491_932_198_370_423)
  }

  /// `below` takes the high half of a product, which reaches every number and nothing above.
  @Test func belowStaysBelow() {
    var source = SplitMix(state: 1)
    var counts = [Int](repeating: 0, count: 7)
    for _ in 0..<7000 { counts[source.below(7)] += 1 }
    #expect(counts.allSatisfy { (850...1150).contains($0) })
    #expect(source.below(1) == 0)
  }
}

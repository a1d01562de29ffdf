// The statistics of a comparison, on positions whose figures are known.

import Foundation
import Testing
import VialEvaluation

@Suite struct ComparisonTests {
  private func comparison(_ divergences: [Double], window: Int = 1000) -> Comparison {
    var comparison = Comparison()
    for (index, divergence) in divergences.enumerated() {
      let isLast = (index + 1) % window == 0 || index + 1 == divergences.count
      comparison.add(
        ComparedPosition(
          index: index, windowIndex: index % window, divergence: divergence,
          hasSameTop: index % 4 != 0, logProbabilities: isLast ? nil : (-1, -1.5)))
    }
    return comparison
  }

  @Test func figuresAreThoseOfThePositions() throws {
    let values = (0..<2001).map { Double(($0 * 37) % 2001) }
    let comparison = comparison(values)
    let figures = try #require(comparison.figures())
    #expect(abs(figures.meanDivergence.value - 1000) < 1e-9)
    #expect(abs(figures.p99Divergence.value - 1980) < 1e-9)
    #expect(abs(figures.sameTop.value - 1500.0 / 2001) < 1e-12)
    #expect(abs(figures.perplexityA.value - exp(1)) < 1e-12)
    #expect(abs(figures.perplexityRatio.value - exp(0.5)) < 1e-12)
    #expect(comparison.positionCount == 2001 && comparison.scoredCount == 1998)
  }

  /// The interval of a mean of independent values is about 1.96 standard errors to either side.
  @Test func intervalsHaveTheirWidth() throws {
    var state: UInt64 = 7
    let values = (0..<6400).map { _ -> Double in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Double(state >> 40) / Double(1 << 24)
    }
    let interval = try #require(comparison(values).figures()).meanDivergence
    let wanted = 2 * 1.96 * (1.0 / 12).squareRoot() / 80
    #expect(abs((interval.high - interval.low) / wanted - 1) < 0.25)
    #expect(interval.low < interval.value && interval.value < interval.high)
  }

  /// Values that repeat over many positions say less: the interval must be wider than if they were independent.
  @Test func neighboursThatAreAlikeWidenTheInterval() throws {
    let alike = (0..<6400).map { Double($0 / 32 * 7919 % 101) }
    let mixed = (0..<6400).map { alike[$0 * 2357 % 6400] }
    let wide = try #require(comparison(alike, window: 6400).figures()).meanDivergence
    let narrow = try #require(comparison(mixed, window: 6400).figures()).meanDivergence
    #expect(wide.high - wide.low > 2 * (narrow.high - narrow.low))
  }

  @Test func nothingScoredGivesNoFigures() {
    #expect(Comparison().figures() == nil)
    #expect(comparison([1]).figures() == nil)
    #expect(comparison([1, 2]).figures() != nil)
  }
}

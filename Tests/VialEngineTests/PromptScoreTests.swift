// Log-probabilities of a prompt's own tokens: those of the scorer, whatever is cached, cut, shared or computed again.

import TestSupport
import Testing
import Vial
import VialEngine
import VialModel
import VialSystem
import VialText

@Suite struct PromptScoreTests {
  private static func prompt(_ seed: Int, _ count: Int) -> [UInt32] {
    (0..<count).map { UInt32(($0 * 37 + seed * 91 + $0 * $0 * seed) % 480) }
  }

  private static func engine(positions: Int = 2048, chunk: Int = 48) throws -> Engine {
    var options = EngineOptions(compute: ComputeOptions(threadCount: 2, chunkSize: chunk))
    options.cachePositionCount = positions
    return try Engine(model: PackedModel.open("qwen2-tiny-untied"), options: options)
  }

  private static func options(_ tokens: Int, alternatives: Int = 0) -> GenerationOptions {
    var options = GenerationOptions(
      maximumTokens: tokens, sampling: SamplingParameters(temperature: 1, seed: 2))
    options.scoresPrompt = true
    options.alternativeCount = alternatives
    return options
  }

  /// The scorer's, bit for bit.
  private static func truth(_ model: Model, _ ids: [UInt32]) throws -> [UInt32] {
    var scores: [UInt32] = []
    try Scorer(model: model).score(ids.span) { score, _ in
      if let value = score.logProbability { scores.append(value.bitPattern) }
      return true
    }
    return scores
  }

  private static func scores(_ request: Request) -> [UInt32] {
    _ = request.events()
    var scores: [UInt32] = []
    request.forEachPromptFigure { scores.append($0.logProbability.bitPattern) }
    return scores
  }

  @Test(arguments: [1, 16, 47, 48, 200])
  func scoresAreThoseOfTheScorer(_ chunk: Int) throws {
    let engine = try Self.engine(chunk: chunk)
    for count in [1, 2, 17, 48, 49, 150] {
      let prompt = Self.prompt(3, count)
      let truth = try Self.truth(engine.model, prompt)
      let request = try engine.submit(prompt, Self.options(5))
      #expect(Self.scores(request) == truth, "\(count)")
      #expect(truth.count == count - 1)
      // The answer is what it is without.
      var plain = Self.options(5)
      plain.scoresPrompt = false
      let other = try engine.submit(prompt, plain)
      #expect(other.finishedTokens() == request.finishedTokens())
      #expect(Self.scores(other).isEmpty)
    }
  }

  /// With no token of an answer the prompt is scored all the same.
  @Test func aPromptAloneIsScored() throws {
    let engine = try Self.engine()
    let prompt = Self.prompt(1, 100)
    let request = try engine.submit(prompt, Self.options(0))
    #expect(try Self.scores(request) == Self.truth(engine.model, prompt))
    #expect(request.ending?.reason == .length && request.finishedTokens().isEmpty)
    #expect(request.timings.computedPromptTokenCount == 100)
  }

  /// What others left in the cache has no logits, so it is not used; what is scored has company and loses its place.
  @Test func neitherCacheNorCompanyMatters() throws {
    let engine = try Self.engine(positions: 640)
    let prompts = (0..<7).map { Self.prompt($0 % 4, 65 + 3 * $0) }
    let truths = try prompts.map { try Self.truth(engine.model, $0) }
    var plain = Self.options(2)
    plain.scoresPrompt = false
    for prompt in prompts { _ = try engine.tokens(prompt, plain) }
    let requests = try prompts.enumerated().map { index, prompt in
      var options = Self.options(300)
      options.rules.minimumTokens = 300
      options.scoresPrompt = index != 3
      return try engine.submit(prompt, options)
    }
    for (index, request) in requests.enumerated() {
      #expect(Self.scores(request) == (index == 3 ? [] : truths[index]), "\(index)")
      if index != 3 { #expect(request.timings.cachedPromptTokenCount == 0) }
    }
    #expect(requests.contains { $0.timings.preemptionCount > 0 })
  }

  @Test func alternativesComeWithTheScores() throws {
    let engine = try Self.engine()
    let prompt = Self.prompt(2, 60)
    let rows = try Scorer(model: engine.model).logits(prompt)
    let request = try engine.submit(prompt, Self.options(3, alternatives: 4))
    _ = request.events()
    var index = 0
    request.forEachPromptFigure { figures in
      #expect(figures.token == prompt[index + 1])
      let row = rows[index].enumerated().filter { engine.model.tokenizer.isPresent(UInt32($0.0)) }
      let best = row.sorted { $0.1 > $1.1 || $0.1 == $1.1 && $0.0 < $1.0 }.prefix(4)
      #expect(figures.alternatives.map { Int($0.token) } == best.map(\.offset))
      for alternative in figures.alternatives where alternative.token == figures.token {
        #expect(alternative.logProbability == figures.logProbability)
      }
      index += 1
    }
    #expect(index == 59)
  }
}

// "Same bytes in, same bytes out": instruction sets, threads and chunking change nothing.

import TestSupport
import Testing
import Vial
import VialCompute
import VialEngine
import VialFormat
import VialModel
import VialPacking

@Suite struct SameBitsTests {
  private static let recipes: [WeightRecipe] = [
    WeightRecipe(weights: .int4, group: .of32), WeightRecipe(weights: .int4, group: .of64),
    WeightRecipe(weights: .int4, group: .of128, embedding: .int4, head: .int4),
    WeightRecipe(weights: .int4, group: .of32, grid: .codebook),
    WeightRecipe(embedding: .int4, head: .int4, grid: .codebook),
    WeightRecipe(weights: .int4, group: .of128, grid: .codebook),
    WeightRecipe(weights: .int8, group: .of32), WeightRecipe(weights: .f16),
    WeightRecipe(weights: .bf16), WeightRecipe(weights: .f32),
  ]
  private static let text: [UInt32] = (0..<150).map { UInt32(($0 * 37 + $0 * $0) % 480) }

  @Test(arguments: recipes, KVCacheType.allCases)
  func familiesThreadsAndChunksGiveTheSameLogits(
    _ recipe: WeightRecipe, _ cacheType: KVCacheType
  ) throws {
    let model = try PackedModel.open("qwen2-tiny-untied", recipe)
    var options = ComputeOptions(
      cacheType: cacheType, threadCount: 1, family: KernelFamily(named: "reference"),
      chunkSize: 150)
    let truth = try Self.bits(model, options)
    for family in KernelFamily.available {
      for (threads, chunk) in [(1, 1), (2, 7), (3, 64), (4, 65), (8, 150)] {
        options.family = family
        options.threadCount = threads
        options.chunkSize = chunk
        let same = try Self.bits(model, options) == truth
        #expect(same, "\(family.name), \(threads) threads, chunks of \(chunk)")
      }
    }
  }

  @Test func llamaWithOddSizesGivesTheSameLogits() throws {
    let model = try PackedModel.open("llama3-tiny", WeightRecipe(weights: .int4, group: .of128))
    let truth = try Self.bits(
      model, ComputeOptions(threadCount: 1, family: KernelFamily(named: "reference"), chunkSize: 1))
    for family in KernelFamily.available {
      let same = try Self.bits(model, ComputeOptions(threadCount: 2, family: family)) == truth
      #expect(same, "\(family.name)")
    }
  }

  /// Whole token streams, drawn with a seed.
  @Test(arguments: [UInt64(0), 1, 2])
  func tokenStreamsAreAFunctionOfTheirInputs(_ seed: UInt64) throws {
    let model = try PackedModel.open("qwen2-tiny-untied")
    let sampling = SamplingParameters(
      temperature: 1, topK: 100, topP: 0.95, minP: 0.01, repetitionPenalty: 1.1, seed: seed)
    let options = GenerationOptions(maximumTokens: 80, sampling: sampling)
    let prompt = Array(Self.text.prefix(30))
    var streams: Set<[UInt32]> = []
    for family in KernelFamily.available {
      for (threads, chunk) in [(1, 30), (2, 4)] {
        let engine = try Engine(
          model: model, capacity: 200,
          options: ComputeOptions(threadCount: threads, family: family, chunkSize: chunk))
        streams.insert(try engine.tokens(prompt, options))
        // A second text on the same generator starts from nothing.
        streams.insert(try engine.tokens(prompt, options))
      }
    }
    #expect(streams.count == 1)
  }

  @Test func anotherSeedGivesAnotherStream() throws {
    let model = try PackedModel.open("qwen2-tiny-untied")
    let engine = try Engine(model: model, capacity: 200)
    var streams: Set<[UInt32]> = []
    for seed in UInt64(0)..<8 {
      let sampling = SamplingParameters(temperature: 1, seed: seed)
      let options = GenerationOptions(maximumTokens: 20, sampling: sampling)
      streams.insert(try engine.tokens(Array(Self.text.prefix(10)), options))
    }
    #expect(streams.count > 4)
  }

  /// Generating token by token gives what scoring the finished text at once gives.
  @Test func decodingEqualsPrefill() throws {
    let model = try PackedModel.open("llama3-tiny", WeightRecipe(weights: .int4, group: .of32))
    let engine = try Engine(model: model, capacity: 300)
    let prompt = Array(Self.text.prefix(5))
    let tokens = try engine.tokens(
      prompt, GenerationOptions(maximumTokens: 130, sampling: SamplingParameters()))
    let scorer = try Scorer(model: model)
    let logits = try scorer.logits(prompt + tokens)
    let greedy = logits.map { row in
      row.indices.max { (row[$0], -$0) < (row[$1], -$1) } ?? -1
    }
    #expect(tokens.count > 0)
    #expect(greedy[prompt.count - 1..<greedy.count - 1].map { UInt32($0) } == tokens)
  }

  private static func bits(_ model: Model, _ options: ComputeOptions) throws -> [[UInt32]] {
    try Scorer(model: model, options: options).logits(text).map { $0.map(\.bitPattern) }
  }
}

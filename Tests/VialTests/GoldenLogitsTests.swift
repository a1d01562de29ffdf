// The runtime against Hugging Face transformers: logits, arg max and greedy text of the reference checkpoints.

import TestSupport
import Testing
import Vial
import VialCompute
import VialEngine
import VialFormat
import VialModel
import VialPacking

@Suite struct GoldenLogitsTests {
  /// The largest difference of a logit that is acceptable: the source's own rounding. f32 sources lose
  /// bits in f16; BF16 ones fit f16 unless they are tiny.
  private static let checkpoints: [(String, TensorEncoding, Float)] = [
    ("qwen2-tiny-untied", .f16, 2e-4), ("qwen2-tiny-tied", .f32, 2e-4),
    ("qwen2-tiny-tied", .f16, 2e-2), ("llama3-tiny", .f16, 2e-4), ("llama3-tiny", .bf16, 2e-4),
  ]

  @Test(arguments: checkpoints)
  func logitsEqualTransformers(_ name: String, _ encoding: TensorEncoding, _ limit: Float) throws {
    let golden = try Golden.read(name)
    let model = try PackedModel.open(name, WeightRecipe(weights: encoding))
    let scorer = try Scorer(model: model, options: ComputeOptions(cacheType: .f32))
    let logits = try scorer.logits(golden.tokenIDs)
    #expect(Self.difference(logits, golden.logits) < limit)
    #expect(logits.map(Self.best) == golden.argmax)
    let long = try scorer.logits(golden.longTokenIDs)
    #expect(Self.difference([long[long.count - 1]], [golden.longLogitsLast]) < limit)
    let agreed = zip(long.map(Self.best), golden.longArgmax).filter { $0 == $1 }.count
    #expect(agreed >= golden.longArgmax.count - 2)
  }

  @Test(arguments: ["qwen2-tiny-untied", "qwen2-tiny-tied", "llama3-tiny"])
  func greedyTextEqualsTransformers(_ name: String) throws {
    let golden = try Golden.read(name)
    let model = try PackedModel.open(name, WeightRecipe(weights: .f16))
    let engine = try Engine(
      model: model, capacity: 256, options: ComputeOptions(cacheType: .f32))
    let wanted = golden.continuation
    let tokens = try engine.tokens(
      golden.greedyPrompt,
      GenerationOptions(maximumTokens: wanted.count, sampling: SamplingParameters()))
    #expect(tokens == wanted)
  }

  /// Checkpoints that were quantised by others, decoded to f16: the golden logits are those of the quantised weights.
  @Test(arguments: ["gptq-g32-sym", "gptq-g32-sym-desc_act", "awq-gemm-g32"])
  func decodedImportsEqualTransformers(_ name: String) throws {
    let golden = try ImportGolden.read(name)
    let model = try PackedModel.open(name, WeightRecipe(weights: .f16))
    let scorer = try Scorer(model: model, options: ComputeOptions(cacheType: .f32))
    let logits = try scorer.logits(golden.tokenIDs)
    #expect(Self.difference([logits[logits.count - 1]], [golden.logitsLast]) < 2e-2)
    #expect(logits.map(Self.best) == golden.argmax)
  }

  /// The integers as they are, under activations of eight bits.
  @Test(arguments: ["gptq-g32-sym", "awq-gemm-g32"])
  func repackedImportsStayClose(_ name: String) throws {
    let golden = try ImportGolden.read(name)
    let scorer = try Scorer(
      model: PackedModel.open(name), options: ComputeOptions(cacheType: .f32))
    let logits = try scorer.logits(golden.tokenIDs)
    #expect(Self.difference([logits[logits.count - 1]], [golden.logitsLast]) < 0.2)
    let agreed = zip(logits.map(Self.best), golden.argmax).filter { $0 == $1 }.count
    #expect(agreed >= golden.argmax.count - 2)
  }

  /// f16 and int8 caches cost a little accuracy; the figures are upper bounds of what was measured.
  @Test(arguments: [(KVCacheType.f16, Float(0.02)), (.int8, 0.5)])
  func smallerCachesStayClose(_ type: KVCacheType, _ limit: Float) throws {
    let golden = try Golden.read("qwen2-tiny-untied")
    let model = try PackedModel.open("qwen2-tiny-untied", WeightRecipe(weights: .f16))
    let scorer = try Scorer(model: model, options: ComputeOptions(cacheType: type))
    let logits = try scorer.logits(golden.tokenIDs)
    let difference = Self.difference(logits, golden.logits)
    #expect(difference < limit)
    #expect(difference > 0)
  }

  private static func difference(_ left: [[Float]], _ right: [[Float]]) -> Float {
    guard left.count == right.count else { return .infinity }
    var worst: Float = 0
    for (a, b) in zip(left, right) {
      guard a.count == b.count else { return .infinity }
      for (x, y) in zip(a, b) { worst = max(worst, (x - y).isNaN ? .infinity : abs(x - y)) }
    }
    return worst
  }

  private static func best(_ row: [Float]) -> Int {
    row.indices.max { (row[$0], -$0) < (row[$1], -$1) } ?? -1
  }
}

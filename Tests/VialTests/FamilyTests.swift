// Every architecture against Hugging Face transformers, and what holds for all of them: the same bits whatever computes
// them, adapters, calibration, texts that become long.

import Foundation
import TestSupport
import Testing
import Vial
import VialCompute
import VialEngine
import VialFormat
import VialModel
import VialPacking

@Suite struct FamilyTests {
  static let names = [
    "qwen3-tiny", "qwen3-yarn-tiny", "qwen2-yarn-tiny", "mistral-headdim-tiny",
    "phi3-longrope-tiny", "llama-bias-linear-tiny", "llama-headdim-tiny", "smollm3-tiny",
    "granite-tiny", "olmo2-tiny", "mistral-window-tiny", "phi3-tiny", "gemma2-tiny",
    "gemma3-text-tiny", "gemma3-linear-tiny",
  ]
  private let scratch = TemporaryFolder()
  private static let exact = ComputeOptions(cacheType: .f32)

  private static func best(_ row: [Float]) -> Int {
    row.indices.max { (row[$0], -$0) < (row[$1], -$1) } ?? -1
  }

  private static func difference(_ a: [[Float]], _ b: [[Float]]) -> Float {
    zip(a, b).reduce(0) { worst, rows in
      zip(rows.0, rows.1).reduce(worst) { max($0, abs($1.0 - $1.1)) }
    }
  }

  @Test(arguments: names)
  func logitsAndGreedyTextEqualTransformers(_ name: String) throws {
    let golden = try FamilyGolden.read(name)
    let model = try PackedModel.open(name, WeightRecipe(weights: .f16))
    let scorer = try Scorer(model: model, options: Self.exact)
    let logits = try scorer.logits(golden.tokenIDs)
    #expect(Self.difference(golden.positions.map { logits[$0] }, golden.logits) < 1e-4)
    #expect(logits.map(Self.best) == golden.argmax)
    let long = try scorer.logits(golden.longTokenIDs)
    #expect(Self.difference([long[long.count - 1]], [golden.longLogitsLast]) < 1e-4)
    #expect(long.map(Self.best) == golden.longArgmax)
    let engine = try Engine(model: model, capacity: 256, options: Self.exact)
    let wanted = golden.continuation
    var options = GenerationOptions(
      maximumTokens: wanted.count, sampling: SamplingParameters())
    // Random weights choose an end token now and then; the golden text goes on.
    options.rules.ignoresEnd = true
    #expect(try engine.tokens(golden.greedyPrompt, options) == wanted)
  }

  /// Both layouts of config.json say the same.
  @Test(arguments: names)
  func newerConfigurationLayoutIsTheSameModel(_ name: String) throws {
    let fixture = try Fixture(name)
    let older = try fixture.pack()
    try fixture.write("config.json", fixture.bytes("config_transformers5/config.json"))
    #expect(try fixture.pack().modelDigest == older.modelDigest)
  }

  @Test(arguments: names)
  func familiesThreadsAndChunksGiveTheSameLogits(_ name: String) throws {
    let text = Array(try FamilyGolden.read(name).longTokenIDs.prefix(270))
    for recipe in [WeightRecipe(weights: .int4, group: .of32), WeightRecipe(weights: .bf16)] {
      let model = try PackedModel.open(name, recipe)
      func bits(_ options: ComputeOptions) throws -> [[UInt32]] {
        try Scorer(model: model, options: options).logits(text).map { $0.map(\.bitPattern) }
      }
      let truth = try bits(
        ComputeOptions(threadCount: 1, family: KernelFamily(named: "reference"), chunkSize: 270))
      for family in KernelFamily.available {
        for (threads, chunk) in [(1, 7), (3, 64)] {
          let same =
            try bits(ComputeOptions(threadCount: threads, family: family, chunkSize: chunk))
            == truth
          #expect(same, "\(family.name), \(threads) threads, chunks of \(chunk)")
        }
      }
    }
  }

  /// Weights with an adapter merged into them are another way to the same logits.
  @Test(arguments: names)
  func adaptersEqualMergedWeights(_ name: String) throws {
    let file = try Fixture(name).pack()
    let isFused = name.hasPrefix("phi3")
    var modules: [RandomAdapter.Module] = []
    var widths: [String: Int] = [:]
    for index in 0..<file.tensors.count {
      let tensor = file.tensors[index]
      guard tensor.name.hasSuffix("_proj.weight") else { continue }
      let module = String(tensor.name.dropLast(".weight".count))
      widths[module] = tensor.shape[0]
      modules.append(.init(module, outputs: tensor.shape[0], inputs: tensor.shape[1]))
    }
    var targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    if isFused {
      targets = ["qkv_proj", "o_proj", "gate_up_proj", "down_proj"]
      modules = (0..<file.configuration.layerCount).flatMap { layer -> [RandomAdapter.Module] in
        let at = "model.layers.\(layer)."
        func width(_ names: String...) -> Int { names.reduce(0) { $0 + (widths[at + $1] ?? 0) } }
        return [
          .init(
            at + "self_attn.qkv_proj",
            outputs: width("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"), inputs: 64),
          .init(at + "self_attn.o_proj", outputs: 64, inputs: width("self_attn.q_proj")),
          .init(
            at + "mlp.gate_up_proj", outputs: width("mlp.gate_proj", "mlp.up_proj"), inputs: 64),
          .init(at + "mlp.down_proj", outputs: 64, inputs: width("mlp.up_proj")),
        ]
      }
    }
    let folder = scratch.url("adapter")
    try RandomAdapter.write(
      modules, to: folder, seed: 5, rank: 6, targets: targets, isHalf: false)
    func packed(merging: Bool) throws -> Model {
      var options = PackOptions(
        sourcePath: Files.checkpoints.appendingPathComponent(name).path,
        outputPath: scratch.path("\(merging).vial"))
      options.recipe = WeightRecipe(weights: .f32)
      options.adapters = [.init(name: "ward", path: folder.path)]
      options.mergedAdapter = merging ? "ward" : nil
      _ = try Packer.pack(options)
      return try Model(path: options.outputPath)
    }
    let text = Array(try FamilyGolden.read(name).longTokenIDs.prefix(60))
    let (apart, merged) = (try packed(merging: false), try packed(merging: true))
    let adapter = try apart.adapter(named: "ward")
    let with = try Scorer(model: apart, options: Self.exact, adapter: adapter).logits(text)
    let other = try Scorer(model: merged, options: Self.exact).logits(text)
    #expect(Self.difference(with, other) < 5e-4)
    let without = try Scorer(model: apart, options: Self.exact).logits(text)
    #expect(Self.difference(with, without) > 0.01)
  }

  /// A text that becomes long is computed anew with the other frequencies: every token follows from the tokens before it,
  /// whether they came as a prompt or one by one, from a cache or beside others.
  @Test func aTextThatBecomesLongDependsOnItsTokensAlone() throws {
    let ids = try FamilyGolden.read("phi3-longrope-tiny").longTokenIDs
    let model = try PackedModel.open("phi3-longrope-tiny", WeightRecipe(weights: .f16))
    let scorer = try Scorer(model: model, options: Self.exact)
    let greedy = SamplingParameters()
    // Its tables hold up to 256 tokens.
    let prompt = Array(ids.prefix(245))
    var wanted: [UInt32] = []
    for _ in 0..<24 {
      let logits = try scorer.logits(prompt + wanted)
      wanted.append(UInt32(Self.best(logits[logits.count - 1])))
    }
    let engine = try Engine(model: model, capacity: 2048, options: Self.exact)
    var options = GenerationOptions(maximumTokens: 24, sampling: greedy)
    options.rules.ignoresEnd = true
    #expect(try engine.tokens(prompt, options) == wanted)
    #expect(try engine.tokens(prompt, options) == wanted)
    // A prompt that is long from the start.
    let rest = Array(wanted.dropFirst(14))
    let longer = prompt + wanted.prefix(14)
    options.maximumTokens = 10
    #expect(try engine.tokens(longer, options) == rest)
    options.maximumTokens = 24
    #expect(try engine.tokens(prompt, options) == wanted)
  }
}

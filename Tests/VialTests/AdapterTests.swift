// Adapters at run time: PEFT's logits, the same bits whatever the neighbours, and requests that must be refused.

import Foundation
import TestSupport
import Testing
import Vial
import VialCompute
import VialEngine
import VialFormat
import VialModel
import VialPacking

@Suite struct AdapterTests {
  private let scratch = TemporaryFolder()
  private static let text: [UInt32] = (0..<90).map { UInt32(($0 * 37 + $0 * $0) % 480) }
  /// Without one first, then every adapter, some of them twice and with other factors.
  private static let choices: [(String?, Float)] = [
    (nil, 1), ("a", 1), ("b", 1), ("c", 1), ("a", 0.5), ("b", -1), ("a", 1), (nil, 1),
  ]

  private func model(_ recipe: WeightRecipe, merging: String? = nil) throws -> Model {
    try Model(path: RandomAdapter.pack(recipe, to: scratch.url, merging: merging))
  }

  private static func applied(_ model: Model, _ choice: (String?, Float)) throws -> AppliedAdapter?
  {
    try choice.0.map { try model.adapter(named: $0, scale: choice.1) }
  }

  private static func difference(_ a: [[Float]], _ b: [[Float]]) -> Float {
    zip(a, b).reduce(0) { worst, rows in
      zip(rows.0, rows.1).reduce(worst) { max($0, abs($1.0 - $1.1)) }
    }
  }

  /// golden.json of the committed adapter.
  private struct AdapterGolden: Decodable {
    let tokenIDs: [UInt32]
    let logits: [[Float]]
    let argmax: [Int]
    let greedyPrompt: [UInt32]
    let greedy: [UInt32]

    private enum CodingKeys: String, CodingKey {
      case tokenIDs = "token_ids"
      case greedyPrompt = "greedy_prompt"
      case logits, argmax, greedy
    }
  }

  @Test(arguments: [(KVCacheType.f32, Float(1e-3)), (.f16, 2e-2)])
  func logitsEqualPEFT(_ cacheType: KVCacheType, _ limit: Float) throws {
    let folder = Files.fixture("adapters/lora-qkvo-r8")
    let golden = try JSONDecoder().decode(
      AdapterGolden.self, from: Data(contentsOf: folder.appendingPathComponent("golden.json")))
    var options = PackOptions(
      sourcePath: Files.checkpoints.appendingPathComponent("qwen2-tiny-untied").path,
      outputPath: scratch.url.appendingPathComponent("golden.vial").path)
    options.recipe = WeightRecipe(weights: .f16)
    options.adapters = [.init(name: "ward", path: folder.path)]
    _ = try Packer.pack(options)
    let model = try Model(path: options.outputPath)
    let adapter = try model.adapter(named: "ward")
    let compute = ComputeOptions(cacheType: cacheType)
    let logits = try Scorer(model: model, options: compute, adapter: adapter)
      .logits(golden.tokenIDs)
    #expect(Self.difference(logits, golden.logits) < limit)
    let plain = try Scorer(model: model, options: compute).logits(golden.tokenIDs)
    #expect(Self.difference(plain, golden.logits) > 1)
    guard cacheType == .f32 else { return }
    let best = logits.map { row in row.indices.max { (row[$0], -$0) < (row[$1], -$1) } ?? -1 }
    #expect(best == golden.argmax)
    let engine = try Engine(model: model, capacity: 128, options: compute)
    let wanted =
      golden.greedy.starts(with: golden.greedyPrompt)
      ? Array(golden.greedy.dropFirst(golden.greedyPrompt.count)) : golden.greedy
    var generation = GenerationOptions(maximumTokens: wanted.count, sampling: .init())
    generation.adapter = adapter
    #expect(try engine.tokens(golden.greedyPrompt, generation) == wanted)
  }

  /// Every linear layer, the head included: the merged weights are another way to the same logits.
  @Test(arguments: ["a", "b", "c"])
  func mergedWeightsGiveTheSameLogits(_ name: String) throws {
    let recipe = WeightRecipe(weights: .f32)
    let apart = try model(recipe)
    let merged = try model(recipe, merging: name)
    let options = ComputeOptions(cacheType: .f32)
    let adapter = try apart.adapter(named: name)
    let with = try Scorer(model: apart, options: options, adapter: adapter).logits(Self.text)
    #expect(
      try Self.difference(with, Scorer(model: merged, options: options).logits(Self.text)) < 2e-4)
    let without = try Scorer(model: apart, options: options).logits(Self.text)
    #expect(Self.difference(with, without) > 0.01)
    // Half of it is half-way, roughly: the factor is not ignored.
    let half = try Scorer(
      model: apart, options: options, adapter: apart.adapter(named: name, scale: 0.5)
    ).logits(Self.text)
    #expect(Self.difference(half, without) > 0.005)
    #expect(Self.difference(half, with) > 0.005)
    let none = try Scorer(
      model: apart, options: options, adapter: apart.adapter(named: name, scale: 0)
    ).logits(Self.text)
    #expect(Self.difference(none, without) == 0)
  }

  @Test(arguments: [
    WeightRecipe(weights: .int4, group: .of32), WeightRecipe(weights: .int8),
    WeightRecipe(weights: .bf16),
  ])
  func familiesThreadsAndChunksGiveTheSameLogits(_ recipe: WeightRecipe) throws {
    let model = try model(recipe)
    for choice in Self.choices[1..<4] {
      let adapter = try Self.applied(model, choice)
      func bits(_ options: ComputeOptions) throws -> [[UInt32]] {
        try Scorer(model: model, options: options, adapter: adapter).logits(Self.text)
          .map { $0.map(\.bitPattern) }
      }
      let truth = try bits(
        ComputeOptions(threadCount: 1, family: KernelFamily(named: "reference"), chunkSize: 1))
      for family in KernelFamily.available {
        for (threads, chunk) in [(1, 90), (2, 7), (3, 64), (8, 33)] {
          let options = ComputeOptions(threadCount: threads, family: family, chunkSize: chunk)
          let isSame = try bits(options) == truth
          #expect(isSame, "\(family.name), \(threads) threads, chunks of \(chunk)")
        }
      }
    }
  }

  /// Whole token streams, alone and beside others with every adapter, in several orders.
  @Test(arguments: [WeightRecipe(), WeightRecipe(weights: .f16)])
  func neighboursChangeNothing(_ recipe: WeightRecipe) throws {
    let model = try model(recipe)
    func options(_ index: Int) throws -> GenerationOptions {
      var options = GenerationOptions(
        maximumTokens: 24 + index,
        sampling: SamplingParameters(temperature: 1, topK: 100, seed: UInt64(index)))
      options.adapter = try Self.applied(model, Self.choices[index])
      return options
    }
    func prompt(_ index: Int) -> [UInt32] {
      Array(Self.text[index * 3..<index * 3 + 5 + index * 9])
    }
    let single = try Engine(model: model, capacity: 200, options: ComputeOptions(threadCount: 1))
    let alone = try Self.choices.indices.map { try single.tokens(prompt($0), options($0)) }
    #expect(Set(alone).count > 5)
    for (threads, chunk) in [(1, 256), (2, 16), (3, 5)] {
      let engine = try Engine(
        model: model, capacity: 2000,
        options: ComputeOptions(threadCount: threads, chunkSize: chunk))
      for shift in [0, 3, 5] {
        let order = Self.choices.indices.map { ($0 * 3 + shift) % Self.choices.count }
        let requests = try order.map { ($0, try engine.submit(prompt($0), options($0))) }
        for (index, request) in requests {
          #expect(request.finishedTokens() == alone[index], "\(threads) threads, request \(index)")
        }
      }
    }
  }

  @Test func unknownNamesAndFactors() throws {
    let model = try model(WeightRecipe())
    #expect(model.adapters.map(\.name) == ["a", "b", "c"])
    #expect(model.refusedAdapters == [])
    for name in ["", "d", "A", "a "] {
      #expect(throws: VialError.self) { try model.adapter(named: name) }
    }
    for scale in [Float.nan, .infinity, 101, -100.5] {
      #expect(throws: VialError.self) { try model.adapter(named: "a", scale: scale) }
    }
    let identities = try Self.choices.compactMap { try Self.applied(model, $0)?.identity }
    #expect(Set(identities).count == 5)
  }

  /// Shapes of another model's adapter may be others.
  @Test func anAdapterOfAnotherModelIsRefused() throws {
    let one = try model(WeightRecipe())
    let other = try Model(path: PackedModel.path("qwen2-tiny-untied"))
    let adapter = try one.adapter(named: "a")
    #expect(throws: VialError.self) { try Scorer(model: other, adapter: adapter) }
    let engine = try Engine(model: other, capacity: 64)
    var options = GenerationOptions(maximumTokens: 1, sampling: .init())
    options.adapter = adapter
    #expect(throws: VialError.self) { try engine.submit([1, 2], options) }
  }

  /// A model whose adapters are wrong answers all the same; who names one of them hears the rule.
  @Test func aBrokenAdapterKeepsNobodyElse() throws {
    let path = try RandomAdapter.pack(WeightRecipe(), to: scratch.url)
    let file = try ModelFile(path: path).descriptor
    let section = try #require(
      file.sectionTable.find(.adapter, id: AdapterDescriptor.sectionID(ofName: "b")))
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    // A value of B, far from the header: only its digest tells.
    bytes[Int(section.end) - 40] ^= 0x10
    let damaged = scratch.url.appendingPathComponent("damaged.vial").path
    try bytes.write(to: URL(fileURLWithPath: damaged))
    let model = try Model(path: damaged, verification: .lazy)
    let engine = try Engine(model: model, capacity: 400)
    #expect(throws: VialError.self) { try model.adapter(named: "b") }
    #expect(throws: VialError.self) { try model.adapter(named: "b") }
    #expect(try model.verify()?.problems.map(\.rule) == [220])
    #expect(throws: VialError.self) { try Model(path: damaged, verification: .whole) }
    var options = GenerationOptions(maximumTokens: 8, sampling: .init())
    options.adapter = try model.adapter(named: "a")
    #expect(try engine.tokens(Array(Self.text.prefix(9)), options).count > 0)
    // A header that is wrong: the adapter is not listed, and named it gives its rule.
    bytes[Int(section.offset) + 128 + 12] = 0
    try bytes.write(to: URL(fileURLWithPath: damaged))
    let without = try Model(path: damaged)
    #expect(without.adapters.map(\.name) == ["a", "c"])
    #expect(without.refusedAdapters.map(\.rule) == [641])
    do throws(VialError) { _ = try without.adapter(named: "b") } catch {
      guard case .format(let problem) = error else { throw error }
      #expect(problem.rule == 641)
    }
  }

  /// What an adapter's numbers overflow to ends its own request only.
  @Test func anOverflowEndsItsOwnRequest() throws {
    let folder = scratch.url.appendingPathComponent("huge")
    try RandomAdapter.write(
      to: folder, seed: 9, rank: 4, targets: RandomAdapter.attention, isHalf: false)
    let url = folder.appendingPathComponent("adapter_config.json")
    let text = try String(contentsOf: url, encoding: .utf8)
    try text.replacingOccurrences(of: "\"lora_alpha\":4", with: "\"lora_alpha\":1e38")
      .write(to: url, atomically: true, encoding: .utf8)
    var options = PackOptions(
      sourcePath: Files.checkpoints.appendingPathComponent("qwen2-tiny-untied").path,
      outputPath: scratch.url.appendingPathComponent("huge.vial").path)
    options.adapters = [.init(name: "huge", path: folder.path)]
    _ = try Packer.pack(options)
    let model = try Model(path: options.outputPath)
    let engine = try Engine(model: model, capacity: 400)
    var generation = GenerationOptions(maximumTokens: 12, sampling: .init())
    let prompt = Array(Self.text.prefix(20))
    let plain = try engine.tokens(prompt, generation)
    #expect(throws: VialError.self) { try model.adapter(named: "huge", scale: 100) }
    generation.adapter = try model.adapter(named: "huge")
    let wrong = try engine.submit(prompt, generation)
    generation.adapter = nil
    let right = try engine.submit(prompt, generation)
    #expect(right.finishedTokens() == plain)
    _ = wrong.events()
    #expect(wrong.ending?.reason == .error)
    #expect(wrong.ending?.failure == .numericError)
  }
}

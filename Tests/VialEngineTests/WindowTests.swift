// Layers with windows: what they no longer see is given back, and no bit of an answer depends on it.

import TestSupport
import Testing
import Vial
import VialCompute
import VialEngine
import VialFormat
import VialModel
import VialPacking
import VialSystem

/// The engine on models whose layers have windows: all of them, every other one, two of three.
@Suite struct WindowTests {
  static let names = ["mistral-window-tiny", "gemma2-tiny", "gemma3-text-tiny"]

  private static func prompt(_ seed: Int, _ count: Int) -> [UInt32] {
    (0..<count).map { UInt32(($0 * 37 + seed * 91 + $0 * $0 * seed) % 480) }
  }

  private static func options(_ tokens: Int = 8) -> GenerationOptions {
    var options = GenerationOptions(
      maximumTokens: tokens,
      sampling: SamplingParameters(temperature: 1, topK: 100, repetitionPenalty: 1.1, seed: 3))
    options.rules.ignoresEnd = true
    return options
  }

  private static func engine(
    _ name: String, positions: Int = 2048, type: KVCacheType = .f16, chunk: Int = 48,
    change: (inout EngineOptions) -> Void = { _ in }
  ) throws -> Engine {
    var options = EngineOptions(
      compute: ComputeOptions(cacheType: type, threadCount: 2, chunkSize: chunk))
    options.cachePositionCount = positions
    change(&options)
    return try Engine(model: PackedModel.open(name), options: options)
  }

  private static func outcome(_ request: Request) -> [[UInt32]] {
    request.events().map { [$0.token, $0.logProbability.bitPattern] }
  }

  private static func truth(
    _ name: String, _ type: KVCacheType, _ prompt: [UInt32], _ options: GenerationOptions
  ) throws -> [[UInt32]] {
    let alone = try engine(name, type: type, chunk: 256) { $0.sharesPrefixes = false }
    return outcome(try alone.submit(prompt, options))
  }

  @Test(arguments: names, KVCacheType.allCases)
  func aHitGivesTheBitsOfAMiss(_ name: String, _ type: KVCacheType) throws {
    let engine = try Self.engine(name, type: type)
    for (length, expected) in [(64, 0), (65, 64), (200, 192), (500, 448)] {
      let prompt = Self.prompt(length, length)
      let truth = try Self.truth(name, type, prompt, Self.options())
      let miss = try engine.submit(prompt, Self.options())
      #expect(Self.outcome(miss) == truth)
      let hit = try engine.submit(prompt, Self.options())
      #expect(Self.outcome(hit) == truth)
      #expect(hit.timings.cachedPromptTokenCount == expected, "\(length) tokens")
    }
  }

  /// A text that begins like a long one, and goes on otherwise before the long one's window.
  @Test(arguments: names)
  func aPrefixIsReusedAsFarAsItsWindowIsThere(_ name: String) throws {
    let engine = try Self.engine(name)
    let long = Self.prompt(7, 600)
    _ = try engine.tokens(long, Self.options())
    for end in [100, 300, 560] {
      let prompt = Array(long[..<end]) + Self.prompt(9, 40)
      let request = try engine.submit(prompt, Self.options())
      #expect(Self.outcome(request) == (try Self.truth(name, .f16, prompt, Self.options())))
      #expect(request.timings.cachedPromptTokenCount == end / 64 * 64)
    }
  }

  @Test(arguments: names)
  func samplesOfOnePromptAndPreemptedRequestsGiveTheSameBits(_ name: String) throws {
    let engine = try Self.engine(name, positions: 640)
    let requests = try (0..<6).map { index in
      var options = Self.options(200)
      options.sampling.sampleIndex = UInt32(index)
      return try engine.submit(Self.prompt(index / 3, 130), options)
    }
    for (index, outcome) in requests.map(Self.outcome).enumerated() {
      var options = Self.options(200)
      options.sampling.sampleIndex = UInt32(index)
      let truth = try Self.truth(name, .f16, Self.prompt(index / 3, 130), options)
      #expect(outcome == truth, "request \(index)")
    }
  }

  /// A text has the blocks of its windows, and no more.
  @Test(arguments: names)
  func whatIsNoLongerSeenIsGivenBack(_ name: String) throws {
    let weights = try ModelFile(path: PackedModel.path(name)).weights()
    let layout = try #require(KVCacheLayout(type: .f16, shape: weights.shape))
    let runner = try ModelRunner(
      weights: weights,
      options: RunnerOptions(compute: ComputeOptions(threadCount: 1), positionCount: 4096))
    let sequence = try #require(TokenSequence(capacity: 2048, pool: runner.blocks))
    let prompt = Self.prompt(3, 1500)
    sequence.tokens.append(contentsOf: prompt.span)
    while sequence.pendingCount > 0 {
      let count = min(100, sequence.pendingCount)
      runner.step([StepItem(sequence: sequence, tokenCount: count)]) { _, _ in }
      sequence.cacheBlocks()
      let held = runner.blocks.blockCount - runner.blocks.availableCount
      #expect(held <= layout.blockCount(positionCount: sequence.computedCount))
    }
    let rows = layout.windows.map { $0 == 0 ? 24 : 1 + (($0 + 62) / 64) }
    #expect(runner.blocks.blockCount - runner.blocks.availableCount <= rows.reduce(0, +))
  }

  /// A pinned prefix serves prompts that go far beyond its window.
  @Test(arguments: names)
  func pinnedPrefixesServeLongerPrompts(_ name: String) throws {
    let engine = try Self.engine(name)
    let prefix = Self.prompt(5, 150)
    var pinned = Self.options()
    pinned.isPinned = true
    let pin = try engine.submit(prefix, pinned)
    _ = pin.events()
    let prompt = prefix + Self.prompt(6, 300)
    defer { pin.close() }
    for _ in 0..<2 {
      let request = try engine.submit(prompt, Self.options(100))
      #expect(Self.outcome(request) == (try Self.truth(name, .f16, prompt, Self.options(100))))
      #expect(request.timings.cachedPromptTokenCount >= 128)
    }
  }

  /// Memory for one text's windows serves texts of any length, and one for fewer is told at once.
  @Test func memoryOfAWindowServesAnyLength() throws {
    let name = "mistral-window-tiny"
    let weights = try ModelFile(path: PackedModel.path(name)).weights()
    let layout = try #require(KVCacheLayout(type: .f16, shape: weights.shape))
    let engine = try Self.engine(name) {
      $0.cacheByteLimit = layout.blockCount(positionCount: 1 << 20) * layout.blockByteCount
    }
    let prompt = Self.prompt(2, 900)
    let requests = try (0..<3).map { _ in try engine.submit(prompt, Self.options(150)) }
    let truth = try Self.truth(name, .f16, prompt, Self.options(150))
    for request in requests { #expect(Self.outcome(request) == truth) }
  }
}

/// Sequences of models with windows, step by step.
@Suite struct WindowSequenceTests {
  /// Going back behind what a window still holds computes it again.
  @Test(arguments: WindowTests.names, [10, 70, 400])
  func rewindingGivesTheSameBits(_ name: String, _ end: Int) throws {
    let weights = try ModelFile(path: PackedModel.path(name)).weights()
    let runner = try ModelRunner(
      weights: weights,
      options: RunnerOptions(compute: ComputeOptions(threadCount: 1), positionCount: 2048))
    func logits(_ sequence: TokenSequence) -> [UInt32] {
      var row: [UInt32] = []
      while sequence.pendingCount > 0 {
        let count = min(90, sequence.pendingCount)
        runner.step([StepItem(sequence: sequence, tokenCount: count)]) { _, result in
          if case .logits(let logits) = result {
            row = (0..<runner.vocabularySize).map { logits[$0].bitPattern }
          }
        }
      }
      return row
    }
    let text = (0..<450).map { UInt32($0 * 7 % 480) }
    let sequence = try #require(TokenSequence(capacity: 500, pool: runner.blocks))
    sequence.tokens.append(contentsOf: text.span)
    _ = logits(sequence)
    sequence.rewind(to: end)
    let other: [UInt32] = [9, 8, 7, 6]
    sequence.tokens.append(contentsOf: other.span)
    let plain = try #require(TokenSequence(capacity: 500, pool: runner.blocks))
    let rewritten = Array(text[..<end]) + other
    plain.tokens.append(contentsOf: rewritten.span)
    #expect(logits(sequence) == logits(plain))
  }
}

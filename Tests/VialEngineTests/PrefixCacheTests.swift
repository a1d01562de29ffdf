// The prefix cache: hits that change no bit, tenants that share nothing, blocks that are wiped.

import TestSupport
import Testing
import Vial
import VialCompute
import VialEngine
import VialFormat
import VialModel
import VialPacking
import VialSystem

@Suite struct PrefixCacheTests {
  private static func prompt(_ seed: Int, _ count: Int) -> [UInt32] {
    (0..<count).map { UInt32(($0 * 37 + seed * 91 + $0 * $0 * seed) % 480) }
  }

  private static func options(
    _ tokens: Int = 8, tenant: String = "", change: (inout GenerationOptions) -> Void = { _ in }
  ) -> GenerationOptions {
    var options = GenerationOptions(
      maximumTokens: tokens,
      sampling: SamplingParameters(temperature: 1, topK: 100, repetitionPenalty: 1.1, seed: 3))
    options.tenant = Array(tenant.utf8)
    change(&options)
    return options
  }

  private static func engine(
    positions: Int = 2048, type: KVCacheType = .f16,
    change: (inout EngineOptions) -> Void = { _ in }
  ) throws -> Engine {
    var options = EngineOptions(
      compute: ComputeOptions(cacheType: type, threadCount: 2, chunkSize: 48))
    options.cachePositionCount = positions
    change(&options)
    return try Engine(model: PackedModel.open("qwen2-tiny-untied"), options: options)
  }

  private static func outcome(_ request: Request) -> [[UInt32]] {
    request.events().map { [$0.token, $0.logProbability.bitPattern] }
  }

  /// All but the tokens that the last one's logits need come from the cache, and every bit is the same.
  @Test(arguments: KVCacheType.allCases)
  func aHitGivesTheBitsOfAMiss(_ type: KVCacheType) throws {
    let engine = try Self.engine(type: type)
    let alone = try Self.engine(type: type) { $0.sharesPrefixes = false }
    for (length, expected) in [(63, 0), (64, 0), (65, 64), (128, 64), (129, 128), (200, 192)] {
      let prompt = Self.prompt(length, length)
      let truth = Self.outcome(try alone.submit(prompt, Self.options()))
      let miss = try engine.submit(prompt, Self.options())
      #expect(Self.outcome(miss) == truth)
      let hit = try engine.submit(prompt, Self.options())
      #expect(Self.outcome(hit) == truth)
      #expect(miss.timings.cachedPromptTokenCount == 0)
      #expect(hit.timings.cachedPromptTokenCount == expected, "\(length) tokens")
    }
    #expect(alone.metrics.cachedTokenCount == 0)
  }

  /// Samples of one prompt that arrive together: the first computes it, the others copy what is no whole block, too.
  @Test(arguments: KVCacheType.allCases)
  func promptsThatArriveTogetherAreComputedOnce(_ type: KVCacheType) throws {
    let engine = try Self.engine(type: type)
    let alone = try Self.engine(type: type) { $0.sharesPrefixes = false }
    func computed(_ length: Int, attempt: Int) throws -> Int {
      let prompt = Self.prompt(length + attempt * 200, length)
      let options = (0..<5).map { index in
        Self.options(40) { $0.sampling.sampleIndex = UInt32(index) }
      }
      let requests = try options.map { try engine.submit(prompt, $0) }
      let outcomes = requests.map(Self.outcome)
      for (outcome, options) in zip(outcomes, options) {
        #expect(outcome == Self.outcome(try alone.submit(prompt, options)))
      }
      #expect(Set(outcomes).count > 1)
      return requests.reduce(0) { $0 + length - $1.timings.cachedPromptTokenCount }
    }
    for length in [30, 64, 100, 190] {
      // A few last tokens are not worth a step's wait. On a busy machine the first answer may end before the last request
      // is submitted: then they did not arrive together.
      let isShared = try (0..<5).contains { attempt in
        try computed(length, attempt: attempt) <= length + 4 * 16
      }
      #expect(isShared, "\(length)")
    }
  }

  /// A text that begins alike and goes on otherwise copies as much as is common; another tenant's copies nothing.
  @Test func copiesEndWhereTextsDiffer() throws {
    let engine = try Self.engine()
    let alone = try Self.engine { $0.sharesPrefixes = false }
    func cachedCounts(attempt: Int) throws -> [Int] {
      let first = Self.prompt(4 + attempt * 10, 60)
      let second = Array(first[..<40]) + Self.prompt(9 + attempt * 10, 50)
      let requests = try [
        engine.submit(first, Self.options(60)), engine.submit(second, Self.options(60)),
        engine.submit(second, Self.options(60, tenant: "other")),
      ]
      let outcomes = requests.map(Self.outcome)
      #expect(outcomes[0] == Self.outcome(try alone.submit(first, Self.options(60))))
      #expect(outcomes[1] == Self.outcome(try alone.submit(second, Self.options(60))))
      #expect(outcomes[2] == outcomes[1])
      return requests.map { $0.timings.cachedPromptTokenCount }
    }
    // On a busy machine the first answer may end, and its last block go, before the second request is submitted.
    let counts = try (0..<5).map(cachedCounts)
    #expect(counts.contains([0, 40, 0]))
    #expect(counts.allSatisfy { $0 == [0, 40, 0] || $0 == [0, 0, 0] })
  }

  /// An answer is a prefix, too: the next turn of a conversation finds it.
  @Test func answersAreFoundByTheNextTurn() throws {
    let engine = try Self.engine()
    let first = Self.prompt(1, 50)
    let answer = try engine.tokens(first, Self.options(100))
    try #require(answer.count == 100)
    let next = first + answer + Self.prompt(2, 30)
    let request = try engine.submit(next, Self.options())
    let shared = Self.outcome(request)
    // The last token of the answer was never computed.
    #expect(request.timings.cachedPromptTokenCount == 128)
    let alone = try Self.engine { $0.sharesPrefixes = false }
    #expect(try shared == Self.outcome(alone.submit(next, Self.options())))
  }

  @Test func tenantsShareNothing() throws {
    let engine = try Self.engine()
    let prompt = Self.prompt(5, 300)
    func cached(
      _ tenant: String, change: (inout GenerationOptions) -> Void = { _ in }
    ) throws -> Int {
      let request = try engine.submit(prompt, Self.options(tenant: tenant, change: change))
      _ = request.events()
      return request.timings.cachedPromptTokenCount
    }
    #expect(try cached("north") == 0)
    let before = engine.metrics.cachedTokenCount
    for other in ["south", "nort", "northh", "", "common"] { #expect(try cached(other) == 0) }
    #expect(engine.metrics.cachedTokenCount == before)
    #expect(try cached("north") == 256)
    #expect(try cached("") == 256)
    #expect(try cached("north") { $0.isPrivate = true } == 0)
    #expect(engine.metrics.cachedTokenCount == 512)
  }

  @Test func privateRequestsLeaveNothing() throws {
    let engine = try Self.engine()
    let prompt = Self.prompt(5, 300)
    _ = try engine.submit(prompt, Self.options { $0.isPrivate = true }).events()
    #expect(engine.metrics.cachedBlockCount == 0)
    let request = try engine.submit(prompt, Self.options())
    _ = request.events()
    #expect(request.timings.cachedPromptTokenCount == 0)
  }

  @Test func aForgottenTenantsBlocksAreGone() throws {
    let engine = try Self.engine()
    for tenant in ["north", "south"] {
      _ = try engine.submit(Self.prompt(5, 300), Self.options(tenant: tenant)).events()
    }
    try engine.waitUntilIdle()
    #expect(engine.metrics.cachedBlockCount == 8)
    engine.forgetTenant(Array("north".utf8))
    try engine.waitUntilIdle()
    // The counts follow with the engine's next look.
    let again = try engine.submit(Self.prompt(5, 300), Self.options(tenant: "north"))
    _ = again.events()
    #expect(again.timings.cachedPromptTokenCount == 0)
    let other = try engine.submit(Self.prompt(5, 300), Self.options(tenant: "south"))
    _ = other.events()
    #expect(other.timings.cachedPromptTokenCount == 256)
    engine.close()
    engine.forgetTenant([])
  }

  /// Kept blocks make room for those who need it, the least recently used first.
  @Test func memoryIsTakenFromKeptBlocks() throws {
    let engine = try Self.engine(positions: 512)
    for seed in 0..<6 { _ = try engine.tokens(Self.prompt(seed, 129), Self.options(4)) }
    let last = try engine.submit(Self.prompt(5, 129), Self.options(4))
    _ = last.events()
    #expect(last.timings.cachedPromptTokenCount == 128)
    let first = try engine.submit(Self.prompt(0, 129), Self.options(4))
    _ = first.events()
    #expect(first.timings.cachedPromptTokenCount == 0)
    #expect(engine.metrics.evictionCount > 0)
    #expect(engine.metrics.preemptionCount == 0)
  }

  /// Requests that come together compute their common beginning once.
  @Test func simultaneousRequestsComputeAPrefixOnce() throws {
    let engine = try Self.engine(positions: 4096)
    let prefix = Self.prompt(9, 640)
    let requests = try (0..<10).map {
      try engine.submit(prefix + Self.prompt($0, 20), Self.options(6))
    }
    let streams = requests.map(Self.outcome)
    let computed = requests.map { 660 - $0.timings.cachedPromptTokenCount }
    // The second may begin in the step in which the first one ends, before its last block is there.
    let total = computed.reduce(0, +)
    #expect(total <= 904)
    let alone = try Self.engine(positions: 4096) { $0.sharesPrefixes = false }
    for index in 0..<10 {
      let truth = try alone.submit(prefix + Self.prompt(index, 20), Self.options(6))
      #expect(Self.outcome(truth) == streams[index])
    }
  }

  @Test func pinnedPrefixesStayForAllTenants() throws {
    let engine = try Self.engine(positions: 1024)
    let prefix = Self.prompt(7, 200)
    let pin = try engine.submit(prefix, Self.options { $0.isPinned = true })
    #expect(pin.events().count == 1)
    #expect(pin.ending?.reason == .length)
    // Others fill the memory many times over.
    for seed in 20..<60 { _ = try engine.tokens(Self.prompt(seed, 100), Self.options(4)) }
    for tenant in ["north", "south", ""] {
      let request = try engine.submit(
        prefix + Self.prompt(1, 30), Self.options(tenant: tenant) { $0.maximumTokens = 20 })
      _ = request.events()
      #expect(request.timings.cachedPromptTokenCount == 192, "\(tenant)")
    }
    #expect(engine.metrics.pinnedBlockCount == 3)
    pin.close()
    for seed in 60..<80 { _ = try engine.tokens(Self.prompt(seed, 100), Self.options(4)) }
    try engine.waitUntilIdle()
    #expect(engine.metrics.pinnedBlockCount == 0)
    let request = try engine.submit(prefix + Self.prompt(2, 30), Self.options(tenant: "west"))
    _ = request.events()
    #expect(request.timings.cachedPromptTokenCount == 0)
  }

  @Test func aTenantsPinIsItsOwn() throws {
    let engine = try Self.engine()
    let prefix = Self.prompt(7, 200)
    let pin = try engine.submit(prefix, Self.options(tenant: "north") { $0.isPinned = true })
    _ = pin.events()
    for (tenant, expected) in [("north", 192), ("south", 0), ("", 0)] {
      let request = try engine.submit(prefix + [1, 2], Self.options(tenant: tenant))
      _ = request.events()
      #expect(request.timings.cachedPromptTokenCount == expected)
    }
    pin.close()
  }

  /// More than half of the memory is not pinned, and what pins leave too little for ends with an error.
  @Test func pinsLeaveRoomOrAnError() throws {
    let engine = try Self.engine(positions: 512)
    let pin = try engine.submit(Self.prompt(7, 250), Self.options { $0.isPinned = true })
    #expect(pin.events().count == 1)
    let more = try engine.submit(Self.prompt(8, 129), Self.options { $0.isPinned = true })
    _ = more.events()
    #expect(more.ending?.failure == .cacheFull)
    let large = try engine.submit(Self.prompt(9, 400), Self.options(10))
    _ = large.events()
    #expect(large.ending?.failure == .cacheFull)
    let growing = try engine.submit(Self.prompt(9, 100), Self.options(400))
    _ = growing.events()
    #expect(growing.ending?.failure == .cacheFull)
    pin.close()
    #expect(try engine.tokens(Self.prompt(9, 400), Self.options(10)).count == 10)
  }
}

/// Sequences that share blocks, step by step.
@Suite struct SharedBlockTests {
  /// A sequence that goes back into a shared block writes into a copy of its own.
  @Test func rewindingIntoASharedBlockCopiesIt() throws {
    let model = try PackedModel.open("qwen2-tiny-untied")
    let opened = try ModelFile(path: PackedModel.path("qwen2-tiny-untied"))
    let runner = try ModelRunner(
      weights: opened.weights(),
      options: RunnerOptions(compute: ComputeOptions(threadCount: 1), positionCount: 1024))
    let root = PrefixRoot(
      hash: try #require(KeyedHash()), modelDigest: model.file.modelDigest.bytes, cacheType: .f16)
    func sequence(_ ids: [UInt32], isCached: Bool = true) throws -> TokenSequence {
      let hasher = root.hasher(tenant: root.common, adapter: [])
      let made = TokenSequence(
        capacity: 400, pool: runner.blocks, hasher: isCached ? hasher : nil, commonHasher: nil)
      let sequence = try #require(made)
      sequence.tokens.append(contentsOf: ids.span)
      return sequence
    }
    func logits(_ sequence: TokenSequence) -> [UInt32] {
      sequence.reuseBlocks()
      var row: [UInt32] = []
      while sequence.pendingCount > 0 {
        let count = min(100, sequence.pendingCount)
        runner.step([StepItem(sequence: sequence, tokenCount: count)]) { _, result in
          if case .logits(let logits) = result {
            row = (0..<runner.vocabularySize).map { logits[$0].bitPattern }
          }
        }
        sequence.cacheBlocks()
      }
      return row
    }
    let ids = (0..<300).map { UInt32($0 * 7 % 480) }
    let first = try sequence(ids)
    let truth = logits(first)
    let second = try sequence(ids)
    #expect(logits(second) == truth)
    #expect(second.reusedCount == 256)
    #expect(runner.blocks.availableCount == 16 - 6)
    // Another text from the middle of the second block on.
    second.rewind(to: 100)
    let other = [UInt32](repeating: 9, count: 150)
    second.tokens.append(contentsOf: other.span)
    let changed = logits(second)
    let plain = logits(try sequence(ids[..<100] + other, isCached: false))
    #expect(changed == plain)
    #expect(changed != truth)
    // The first one's blocks are as they were: its last token gives the same again.
    first.rewind(to: 290)
    let tail = Array(ids[290...])
    first.tokens.append(contentsOf: tail.span)
    #expect(logits(first) == truth)
    let third = try sequence(ids)
    #expect(logits(third) == truth)
    #expect(third.reusedCount == 256)
  }
}

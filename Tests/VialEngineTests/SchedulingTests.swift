// Who is computed when: priorities, tenants, deadlines, memory that runs out, and callbacks that misbehave.

import Synchronization
import TestSupport
import Testing
import Vial
import VialEngine
import VialModel
import VialPacking
import VialSystem

@Suite struct SchedulingTests {
  private static func prompt(_ seed: Int, _ count: Int) -> [UInt32] {
    (0..<count).map { UInt32(($0 * 37 + seed * 91 + $0 * $0 * seed) % 480) }
  }

  private static func options(
    _ tokens: Int?, tenant: String = "", priority: Int32 = 0
  ) -> GenerationOptions {
    var options = GenerationOptions(
      maximumTokens: tokens,
      sampling: SamplingParameters(temperature: 1, topK: 100, repetitionPenalty: 1.1, seed: 3))
    options.tenant = Array(tenant.utf8)
    options.priority = priority
    return options
  }

  private static func engine(
    positions: Int, change: (inout EngineOptions) -> Void = { _ in }
  ) throws -> Engine {
    var options = EngineOptions(compute: ComputeOptions(threadCount: 2, chunkSize: 48))
    options.cachePositionCount = positions
    change(&options)
    return try Engine(model: PackedModel.open("qwen2-tiny-untied"), options: options)
  }

  /// Memory for one request; forty want it, with and without a limit of their own.
  @Test(arguments: [60, nil])
  func memoryForOneRequestServesForty(_ limit: Int?) throws {
    let engine = try Self.engine(positions: 128)
    let requests = try (0..<40).map {
      try engine.submit(Self.prompt($0, 65), Self.options(limit, tenant: "\($0 % 3)"))
    }
    let streams = requests.map { $0.finishedTokens() }
    let alone = try Self.engine(positions: 128) { $0.runningLimit = 1 }
    for (index, stream) in streams.enumerated() {
      let truth = try alone.tokens(Self.prompt(index, 65), Self.options(limit))
      #expect(stream == truth, "request \(index)")
    }
    try engine.waitUntilIdle()
    let metrics = engine.metrics
    let ended = metrics.finishedCounts.total
    #expect(ended == 40)
    #expect(metrics.referencedBlockCount == 0)
  }

  /// Requests that outgrow the memory together give way to each other, and none says a token twice.
  @Test func preemptedRequestsGoOnWhereTheyWere() throws {
    let engine = try Self.engine(positions: 640)
    let requests = try (0..<6).map { try engine.submit(Self.prompt($0, 60), Self.options(300)) }
    let streams = requests.map { $0.events().map { [$0.token, $0.logProbability.bitPattern] } }
    #expect(engine.metrics.preemptionCount > 0)
    #expect(requests.contains { $0.timings.preemptionCount > 0 })
    // The first in rank never gives way.
    #expect(requests[0].timings.preemptionCount == 0)
    let alone = try Self.engine(positions: 640) { $0.sharesPrefixes = false }
    for index in 0..<6 {
      let truth = try alone.submit(Self.prompt(index, 60), Self.options(300)).events()
      #expect(streams[index] == truth.map { [$0.token, $0.logProbability.bitPattern] })
    }
  }

  /// The order in which requests end.
  private final class Finishes: Sendable {
    private let names = ConditionLocked<[String]>([])

    func note(_ name: String) { names.change { $0.append(name) } }

    func wait(_ count: Int) -> [String] {
      names.wait(until: MonotonicClock.seconds + 60) { $0.count >= count ? $0 : nil } ?? []
    }
  }

  private static func submit(
    _ name: String, to engine: Engine, _ options: GenerationOptions, _ finishes: Finishes,
    promptCount: Int = 20
  ) throws -> Request {
    let prompt = try #require(SecureBuffer<UInt32>(capacity: promptCount))
    prompt.append(contentsOf: Self.prompt(name.count, promptCount).span)
    return try engine.submit(prompt: prompt, options: options) { _, event in
      if case .finished = event.kind { finishes.note(name) }
    }
  }

  @Test func higherPrioritiesComeFirstAndTakeMemory() throws {
    let engine = try Self.engine(positions: 256) { $0.runningLimit = 2 }
    let finishes = Finishes()
    let low = try (0..<4).map { index in
      try Self.submit("low\(index)", to: engine, Self.options(230, priority: -1), finishes)
    }
    while low[0].timings.answerTokenCount == 0 {}
    let high = try Self.submit("high", to: engine, Self.options(100, priority: 5), finishes)
    let order = finishes.wait(5)
    #expect(order.first == "high")
    #expect(Set(order).count == 5)
    #expect(low.contains { $0.timings.preemptionCount > 0 })
    #expect(high.timings.preemptionCount == 0)
  }

  /// One tenant's flood does not drown another's single request.
  @Test func aFloodLeavesRoomForOthers() throws {
    let engine = try Self.engine(positions: 1024) { $0.runningLimit = 1 }
    let finishes = Finishes()
    for _ in 0..<20 {
      _ = try Self.submit("flood", to: engine, Self.options(20, tenant: "a"), finishes)
    }
    _ = try Self.submit("single", to: engine, Self.options(20, tenant: "b"), finishes)
    let order = finishes.wait(21)
    let place = try #require(order.firstIndex(of: "single"))
    #expect(place <= 2, "ended after \(place) others")
  }

  @Test func sharesFollowWeights() throws {
    let engine = try Self.engine(positions: 1024) { $0.runningLimit = 1 }
    try engine.setWeight(3, ofTenant: Array("three".utf8))
    #expect(throws: VialError.self) { try engine.setWeight(0, ofTenant: []) }
    #expect(throws: VialError.self) { try engine.setWeight(.nan, ofTenant: []) }
    let finishes = Finishes()
    // One that holds the engine until all others are there.
    _ = try Self.submit("first", to: engine, Self.options(200, tenant: "x"), finishes)
    for _ in 0..<24 {
      _ = try Self.submit("three", to: engine, Self.options(10, tenant: "three"), finishes)
      _ = try Self.submit("one", to: engine, Self.options(10, tenant: "one"), finishes)
    }
    let order = finishes.wait(49).dropFirst()
    let early = order.prefix(24).count { $0 == "three" }
    #expect((16...20).contains(early), "\(early) of 24")
  }

  @Test func hopelessRequestsAreToldAtOnce() throws {
    let engine = try Self.engine(positions: 256)
    #expect(throws: VialError.self) { try engine.submit([], Self.options(3)) }
    do {
      _ = try engine.submit(Self.prompt(1, 256), Self.options(3))
      Issue.record("a prompt that fills the memory was taken")
    } catch VialError.promptTooLong(let count, let limit) { #expect((count, limit) == (256, 256)) }
    var past = Self.options(10)
    past.deadline = -5
    let late = try engine.submit(Self.prompt(1, 20), past)
    #expect(late.events().count == 1)
    #expect(late.ending?.reason == .deadline)
    let none = try engine.submit(Self.prompt(1, 20), Self.options(0))
    #expect(none.events().count == 1)
    #expect(none.ending?.reason == .length)
    var labelled = Self.options(3)
    labelled.tenant = [UInt8](repeating: 65, count: 257)
    #expect(throws: VialError.self) { try engine.submit([1], labelled) }
  }

  /// A callback that takes its time delays callbacks, and nobody else.
  @Test func aSlowCallbackDelaysNoComputing() throws {
    let engine = try Self.engine(positions: 2048)
    let calls = Atomic<Int>(0)
    let gate = ConditionLocked(false)
    let prompt = try #require(SecureBuffer<UInt32>(capacity: 4))
    prompt.append(contentsOf: [1, 2, 3, 4].span)
    let slow = try engine.submit(prompt: prompt, options: Self.options(50)) { _, _ in
      calls.add(1, ordering: .relaxed)
      _ = gate.wait(until: MonotonicClock.seconds + 60) { $0 ? true : nil }
    }
    for seed in 0..<5 { _ = try engine.tokens(Self.prompt(seed, 40), Self.options(60)) }
    // It was computed to its end while its first callback still runs.
    while !slow.isFinished {}
    #expect(calls.load(ordering: .relaxed) == 1)
    gate.change { $0 = true }
    slow.close()
    engine.close()
  }

  /// Callbacks that cancel themselves, submit more and ask for everything.
  @Test func callbacksMayDoAsTheyLike() throws {
    let engine = try Self.engine(positions: 512)
    let ends = ConditionLocked(0)
    let prompt = try #require(SecureBuffer<UInt32>(capacity: 4))
    prompt.append(contentsOf: [1, 2, 3, 4].span)
    let inner: @Sendable (Request, RequestEvent) -> Void = { request, event in
      request.cancel()
      if case .finished = event.kind { ends.change { $0 += 1 } }
    }
    for _ in 0..<30 {
      _ = try engine.submit(prompt: prompt, options: Self.options(100)) { [engine] request, event in
        if case .finished = event.kind { return ends.change { $0 += 1 } }
        _ = (engine.metrics, engine.counts, request.timings, request.isFinished)
        engine.forgetTenant([])
        if request.timings.answerTokenCount > 0 {
          _ = try? engine.submit(prompt: prompt, options: Self.options(100), onEvent: inner)
          request.cancel()
        }
      }
    }
    let count = ends.wait(until: MonotonicClock.seconds + 60) { $0 >= 60 ? $0 : nil }
    #expect(count != nil)
    engine.close()
  }

  @Test func metricsCountWhatHappened() throws {
    let engine = try Self.engine(positions: 1024)
    var secret = Self.options(12, tenant: "st-elsewhere")
    _ = try engine.submit(Self.prompt(3, 130), secret).events()
    _ = try engine.submit(Self.prompt(3, 130), secret).events()
    secret.deadline = -1
    _ = try engine.submit(Self.prompt(3, 130), secret).events()
    try engine.waitUntilIdle()
    let metrics = engine.metrics
    #expect(metrics.submittedCount == 3)
    #expect(metrics.finishedCounts[.deadline] == 1)
    #expect(metrics.promptTokenCount == 132)
    #expect(metrics.cachedTokenCount == 128)
    #expect(metrics.firstTokenSeconds.count == 2)
    let later = metrics.generatedTokenCount - 2
    #expect(metrics.tokenSeconds.count == later)
    #expect(metrics.blockCount == 16)
    let text = metrics.prometheusText
    for line in text.split(separator: "\n") {
      let isSound = line.hasPrefix("# ") || line.split(separator: " ").count == 2
      #expect(isSound, "\(line)")
    }
    #expect(text.contains("vial_requests_finished_total{reason=\"deadline\"} 1\n"))
    #expect(text.contains("vial_first_token_seconds_count 2\n"))
    #expect(text.contains("vial_kv_blocks 16\n"))
    #expect(!text.contains("elsewhere"))
  }
}

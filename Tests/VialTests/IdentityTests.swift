// The promise itself: 200 random requests that arrive, share, compete, give way and are cancelled at random say, byte for
// byte, what each says alone.

import TestSupport
import Testing
import Vial
import VialCompute
import VialEngine
import VialModel
import VialPacking
import VialSystem

@Suite struct IdentityTests {
  /// A request that was drawn.
  private struct Draw {
    var prompt: [UInt32]
    var options: GenerationOptions
    /// Cancelled after this many events.
    var cancelAfter: Int?
  }

  /// Everything that a caller sees, to the bit.
  private struct Stream: Equatable {
    var tokens: [UInt32] = []
    var bits: [UInt32] = []
    var text: [[UInt8]] = []
    var parts: [AnswerPart] = []
    var alternatives: [[UInt32]] = []
    var reason: FinishReason?

    /// Whether this is how `whole` begins.
    func isPrefix(of whole: Stream) -> Bool {
      let count = tokens.count
      return count <= whole.tokens.count && tokens == Array(whole.tokens.prefix(count))
        && bits == Array(whole.bits.prefix(count)) && text == Array(whole.text.prefix(count))
        && parts == Array(whole.parts.prefix(count))
        && alternatives == Array(whole.alternatives.prefix(count))
    }
  }

  private static func draw(_ random: inout SeededGenerator) throws -> Draw {
    let base = random.below(5)
    let shared = random.below(3) == 0 ? 0 : random.below(200)
    var prompt = (0..<shared).map { UInt32(($0 * 31 + base * 77) % 480) }
    for _ in 0..<1 + random.below(40) { prompt.append(UInt32(random.below(480))) }
    var sampling = SamplingParameters(
      temperature: random.below(3) == 0 ? 0 : 1, topK: UInt32(random.below(2) * 60),
      topP: random.below(2) == 0 ? 1 : 0.9, seed: UInt64(random.below(1000)))
    if random.below(2) == 0 { sampling.repetitionPenalty = 1.2 }
    var options = GenerationOptions(
      maximumTokens: random.below(12) == 0 ? nil : random.below(70), sampling: sampling)
    // Without a limit an answer is as long as the memory lets it be, which is not the same everywhere.
    if options.maximumTokens == nil { options.maximumTokens = 512 - prompt.count }
    options.alternativeCount = random.below(4) == 0 ? 3 : 0
    options.priority = Int32(random.below(3)) - 1
    options.tenant = Array(["", "north", "south"][random.below(3)].utf8)
    options.isPrivate = random.below(6) == 0
    if random.below(4) == 0, let stops = StopList(byteCount: 8) {
      _ = stops.append([UInt8(97 + random.below(26))].span)
      options.stops = stops
    }
    return Draw(
      prompt: prompt, options: options,
      cancelAfter: random.below(5) == 0 ? random.below(20) : nil)
  }

  private static func engine(
    _ model: String = "qwen2-tiny-untied", _ change: (inout EngineOptions) -> Void
  ) throws -> Engine {
    var options = EngineOptions(compute: ComputeOptions(threadCount: 2, chunkSize: 64))
    options.cachePositionCount = 512
    change(&options)
    return try Engine(model: PackedModel.open(model), options: options)
  }

  private static func note(_ event: RequestEvent, _ stream: inout Stream) {
    guard case .token = event.kind else {
      // The end's text belongs to a whole answer only.
      if case .finished(let reason) = event.kind { stream.reason = reason }
      return
    }
    stream.tokens.append(event.token)
    stream.bits.append(event.logProbability.bitPattern)
    stream.text.append(Array(event.text))
    stream.parts.append(event.part)
    stream.alternatives.append(
      event.alternatives.flatMap { [$0.token, $0.logProbability.bitPattern] })
  }

  private static func alone(_ draws: [Draw], _ model: String) throws -> [Stream] {
    let engine = try engine(model) { $0.sharesPrefixes = false }
    return try draws.map { draw in
      var stream = Stream()
      for event in try engine.submit(draw.prompt, draw.options).events() { note(event, &stream) }
      return stream
    }
  }

  /// Submits all, with pauses at random, and reads them from one loop.
  private static func together(
    _ draws: [Draw], on engine: Engine, _ random: inout SeededGenerator
  ) throws -> [Stream] {
    var streams = [Stream](repeating: Stream(), count: draws.count)
    var places: [ObjectIdentifier: Int] = [:]
    var requests: [Request] = []
    var open = 0
    while requests.count < draws.count || open > 0 {
      if requests.count < draws.count, open < 50, open == 0 || random.below(3) > 0 {
        let draw = draws[requests.count]
        let request = try engine.submit(draw.prompt, draw.options)
        places[ObjectIdentifier(request)] = requests.count
        if draw.cancelAfter == 0 { request.cancel() }
        requests.append(request)
        open += 1
        continue
      }
      guard case .event(let event, let request) = engine.nextEvent(timeout: 0.002) else { continue }
      let place = try #require(places[ObjectIdentifier(request)])
      note(event, &streams[place])
      if case .finished = event.kind { open -= 1 }
      if draws[place].cancelAfter == streams[place].tokens.count { request.cancel() }
    }
    return streams
  }

  /// Every architecture; of Phi-3 some texts become long while they are answered.
  @Test(arguments: [("qwen2-tiny-untied", 200)] + FamilyTests.names.map { ($0, 60) })
  func requestsSayWhatTheySayAlone(_ model: String, _ count: Int) throws {
    var random = SeededGenerator(seed: 7)
    let draws = try (0..<count).map { _ in try Self.draw(&random) }
    let truth = try Self.alone(draws, model)
    #expect(Set(truth.map(\.tokens)).count > count / 2)
    let ways: [(name: String, change: (inout EngineOptions) -> Void)] = [
      ("small memory", { _ in }),
      ("small memory, nothing shared", { $0.sharesPrefixes = false }),
      ("large memory", { $0.cachePositionCount = 8192 }),
      ("three tokens of prompts a step", { $0.stepPromptTokens = 3 }),
      (
        "one thread, reference, five at once",
        { options in
          options.compute.threadCount = 1
          options.compute.family = KernelFamily(named: "reference")
          options.runningLimit = 5
        }
      ),
    ]
    var (preemptions, hits, cuts) = (UInt64(0), UInt64(0), 0)
    for way in ways {
      let engine = try Self.engine(model, way.change)
      let streams = try Self.together(draws, on: engine, &random)
      for (index, stream) in streams.enumerated() {
        if stream.reason == .cancelled {
          cuts += 1
          #expect(stream.isPrefix(of: truth[index]), "\(way.name), request \(index), cancelled")
        } else {
          #expect(stream == truth[index], "\(way.name), request \(index)")
        }
      }
      preemptions += engine.metrics.preemptionCount
      hits += engine.metrics.cachedTokenCount
      try engine.waitUntilIdle()
      #expect(engine.metrics.referencedBlockCount == 0)
    }
    // All that was to be survived did happen.
    #expect(preemptions > (count < 200 ? 0 : 50))
    // Models with windows find less again: what a window has passed is evicted first.
    #expect(hits > 15 * UInt64(count))
    #expect(cuts > count / 4)
  }

  /// Submits and cancels as fast as it goes; nothing leaks, nothing hangs.
  @Test func manySubmissionsAreCancelled() throws {
    let engine = try Self.engine { $0.queueLimit = 100_000 }
    var random = SeededGenerator(seed: 3)
    for _ in 0..<300 {
      let requests = try (0..<10).map { _ in
        try engine.submit([1, 2, UInt32(random.below(400))], Self.draw(&random).options)
      }
      for request in requests where random.below(10) > 0 { request.cancel() }
      for request in requests {
        if random.below(2) == 0 { request.close() } else { _ = request.events() }
      }
    }
    try engine.waitUntilIdle()
    let metrics = engine.metrics
    let ended = metrics.finishedCounts.total
    #expect(ended == 3000)
    #expect(metrics.referencedBlockCount == 0)
  }
}

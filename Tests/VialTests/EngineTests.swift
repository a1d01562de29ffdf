// Requests through an engine: batches that change no bit, ends of every kind, events, the queue.

import Synchronization
import TestSupport
import Testing
import Vial
import VialEngine
import VialModel
import VialPacking
import VialSystem

@Suite struct EngineTests {
  private static let varied = SamplingParameters(
    temperature: 1, topK: 100, topP: 0.95, repetitionPenalty: 1.1, seed: 3)

  private static func prompt(_ seed: Int, _ count: Int) -> [UInt32] {
    (0..<count).map { UInt32(($0 * 37 + seed * 91 + $0 * $0 * seed) % 480) }
  }

  private static func options(
    _ tokens: Int, _ sampling: SamplingParameters = varied
  ) -> GenerationOptions {
    GenerationOptions(maximumTokens: tokens, sampling: sampling)
  }

  private static func engine(
    positions: Int = 2048, change: (inout EngineOptions) -> Void = { _ in }
  ) throws -> Engine {
    var options = EngineOptions(compute: ComputeOptions(threadCount: 2, chunkSize: 48))
    options.cachePositionCount = positions
    change(&options)
    return try Engine(model: PackedModel.open("qwen2-tiny-untied"), options: options)
  }

  /// What a request is alone, token for token with its probabilities, it is in any company.
  @Test(arguments: [2, 5, 20])
  func neighboursChangeNothing(_ count: Int) throws {
    let engine = try Self.engine(positions: 200 * count)
    func submit(_ index: Int) throws -> Request {
      try engine.submit(Self.prompt(index, 1 + index * 13 % 120), Self.options(10 + index % 7 * 4))
    }
    func outcome(_ request: Request) -> [[UInt32]] {
      request.events().map { [$0.token, $0.logProbability.bitPattern] }
    }
    let alone = try (0..<count).map { outcome(try submit($0)) }
    let requests = try (0..<count).map(submit)
    #expect(requests.map(outcome) == alone)
    #expect(Set(alone).count == count)
  }

  /// More requests than the KV cache holds at once wait for each other and lose nothing.
  @Test func aSmallCacheMakesRequestsWait() throws {
    let engine = try Self.engine(positions: 128)
    let requests = try (0..<12).map { try engine.submit(Self.prompt($0, 40), Self.options(20)) }
    let together = requests.map { $0.finishedTokens() }
    let alone = try (0..<12).map { try engine.tokens(Self.prompt($0, 40), Self.options(20)) }
    #expect(together == alone)
    // Each of these wants the whole cache.
    let greedy = (0..<3).map { _ in GenerationOptions(sampling: Self.varied) }
    let large = try greedy.map { try engine.submit(Self.prompt(1, 40), $0) }
    let streams = large.map { $0.finishedTokens() }
    #expect(streams[0] == streams[1] && streams[0] == streams[2])
    try Self.expectIdle(engine)
  }

  @Test func logProbabilitiesAreThoseOfTheScorer() throws {
    let engine = try Self.engine()
    let prompt = Self.prompt(1, 20)
    var options = Self.options(30)
    options.alternativeCount = 5
    let events = try engine.submit(prompt, options).events().dropLast()
    let ids = prompt + events.map(\.token)
    var scores: [Float] = []
    try Scorer(model: engine.model).score(ids.span) { score, _ in
      scores.append(score.logProbability ?? .nan)
      return true
    }
    #expect(events.map(\.logProbability) == Array(scores.dropFirst(prompt.count)))
    for event in events {
      let alternatives = Array(event.alternatives)
      #expect(alternatives.count == 5)
      for (better, worse) in zip(alternatives, alternatives.dropFirst()) {
        #expect(better.logProbability >= worse.logProbability)
      }
      let chosen = alternatives.first { $0.token == event.token }
      if let chosen { #expect(chosen.logProbability == event.logProbability) }
      #expect(event.logProbability <= alternatives[0].logProbability)
    }
  }

  @Test func cancelEndsARequestAndLeavesTheOthers() throws {
    let engine = try Self.engine()
    let truth = try engine.tokens(Self.prompt(2, 30), Self.options(200))
    let doomed = try engine.submit(Self.prompt(1, 30), Self.options(1500))
    let other = try engine.submit(Self.prompt(2, 30), Self.options(200))
    guard case .event = doomed.nextEvent() else { throw Missing() }
    doomed.cancel()
    _ = doomed.events()
    #expect(doomed.ending?.reason == .cancelled)
    #expect(other.finishedTokens() == truth)
    doomed.cancel()
    #expect(doomed.ending?.reason == .cancelled)
  }

  @Test func deadlinesEndRunningAndWaitingRequests() throws {
    let engine = try Self.engine(positions: 512) { $0.runningLimit = 1 }
    var long = Self.options(400)
    long.deadline = 0.02
    let running = try engine.submit(Self.prompt(1, 60), long)
    long.deadline = 0.002  // much less than the first one takes on any machine
    let waiting = try engine.submit(Self.prompt(2, 60), long)
    _ = running.events()
    _ = waiting.events()
    #expect(running.ending?.reason == .deadline || running.ending?.reason == .length)
    #expect(waiting.ending?.reason == .deadline)
    #expect(waiting.timings.generatedTokenCount == 0 || running.ending?.reason == .length)
  }

  @Test func stopStringsEndTheTextBeforeThem() throws {
    let engine = try Self.engine()
    let greedy = Self.options(60, SamplingParameters(seed: 1))
    let text = try engine.submit(Self.prompt(3, 10), greedy).text()
    let middle = text.count / 2
    let stop = Array(text[middle..<middle + 3])
    let first = try #require(
      text.indices.first { $0 + 3 <= text.count && Array(text[$0..<$0 + 3]) == stop })
    var stopping = greedy
    let list = try #require(StopList(byteCount: 16))
    let isAdded = list.append(stop.span)
    #expect(isAdded)
    stopping.stops = list
    let request = try engine.submit(Self.prompt(3, 10), stopping)
    let streamed = request.events().flatMap { Array($0.text) }
    #expect(request.ending?.reason == .stopString)
    #expect(streamed == Array(text[..<first]))
    #expect(try request.text() == streamed)
  }

  @Test func theQueueHasALimit() throws {
    let engine = try Self.engine(positions: 512) {
      $0.queueLimit = 3
      $0.runningLimit = 1
    }
    let running = try engine.submit(Self.prompt(1, 60), Self.options(440))
    guard case .event = running.nextEvent() else { throw Missing() }
    let waiting = try (0..<3).map { try engine.submit(Self.prompt($0, 60), Self.options(440)) }
    #expect(throws: VialError.self) { try engine.submit(Self.prompt(5, 60), Self.options(440)) }
    for request in waiting { request.cancel() }
    running.cancel()
    for request in waiting + [running] { _ = request.events() }
    #expect(try engine.tokens(Self.prompt(5, 60), Self.options(3)).count <= 3)
  }

  /// A tenant's places are free again when its requests begin, or end before.
  @Test func aTenantHasPartOfTheQueue() throws {
    let engine = try Self.engine(positions: 2048) {
      $0.tenantQueueLimit = 2
      $0.runningLimit = 1
    }
    func submit(_ tenant: String) throws -> Request {
      var options = Self.options(1900)
      options.tenant = Array(tenant.utf8)
      return try engine.submit(Self.prompt(1, 60), options)
    }
    let running = try submit("north")
    guard case .event = running.nextEvent() else { throw Missing() }
    let waiting = try [submit("north"), submit("north")]
    #expect(throws: VialError.self) { try submit("north") }
    let others = try [submit("south"), submit("south"), submit("")]
    #expect(throws: VialError.self) { try submit("south") }
    waiting[0].cancel()
    _ = waiting[0].events()
    let third = try submit("north")
    #expect(throws: VialError.self) { try submit("north") }
    running.cancel()
    for request in others { request.cancel() }
    // The next one begins, so that one more may wait.
    guard case .event = waiting[1].nextEvent() else { throw Missing() }
    let fourth = try submit("north")
    #expect(throws: VialError.self) { try submit("north") }
    for request in [waiting[1], third, fourth] { request.cancel() }
    for request in others + [running, waiting[1], third, fourth] { _ = request.events() }
    for _ in 0..<2 { _ = try submit("south") }
    engine.close()
  }

  @Test func closingEndsEverything() throws {
    let engine = try Self.engine(positions: 512)
    let requests = try (0..<4).map { try engine.submit(Self.prompt($0, 60), Self.options(440)) }
    guard case .event = requests[0].nextEvent() else { throw Missing() }
    engine.close()
    engine.close()
    for request in requests {
      _ = request.events()
      #expect(request.ending?.reason == .cancelled)
    }
    #expect(throws: VialError.self) { try engine.submit([1, 2], Self.options(3)) }
    while case .event = engine.nextEvent() {}
    guard case .closed = engine.nextEvent(timeout: 5) else { throw Missing() }
  }

  @Test func callbacksComeInOrderAndMaySubmit() throws {
    let engine = try Self.engine()
    let truth = try engine.tokens(Self.prompt(4, 12), Self.options(40))
    let heard = ConditionLocked<(first: [UInt32], second: [UInt32], ends: Int)>(([], [], 0))
    let follow: @Sendable (Request, RequestEvent) -> Void = { _, event in
      heard.change { heard in
        if case .token = event.kind { heard.second.append(event.token) } else { heard.ends += 1 }
      }
    }
    let options = Self.options(40)
    let prompt = try #require(SecureBuffer<UInt32>(capacity: 12))
    prompt.append(contentsOf: Self.prompt(4, 12).span)
    let request = try engine.submit(prompt: prompt, options: options) { [engine] _, event in
      if case .token = event.kind {
        heard.change { $0.first.append(event.token) }
      } else {
        heard.change { $0.ends += 1 }
        _ = try? engine.submit(prompt: prompt, options: options, onEvent: follow)
      }
    }
    let result = heard.wait(until: MonotonicClock.seconds + 60) { $0.ends == 2 ? $0 : nil }
    #expect(result?.first == truth)
    #expect(result?.second == truth)
    #expect(request.isFinished)
    engine.close()
  }

  /// Requests take turns in the common queue, and the descriptor tells when there is something.
  @Test func oneLoopServesManyRequests() throws {
    let engine = try Self.engine()
    let descriptor = try #require(engine.eventDescriptor())
    #expect(descriptor >= 0 && engine.eventDescriptor() == descriptor)
    var open: Set<ObjectIdentifier> = []
    let requests = try (0..<6).map { try engine.submit(Self.prompt($0, 20), Self.options(15)) }
    for request in requests { open.insert(ObjectIdentifier(request)) }
    var tokens: [ObjectIdentifier: [UInt32]] = [:]
    while !open.isEmpty {
      guard case .event(let event, let request) = engine.nextEvent(timeout: 30) else {
        throw Missing()
      }
      switch event.kind {
      case .token: tokens[ObjectIdentifier(request), default: []].append(event.token)
      case .finished: open.remove(ObjectIdentifier(request))
      }
    }
    guard case .timedOut = engine.nextEvent(timeout: 0) else { throw Missing() }
    for (index, request) in requests.enumerated() {
      let alone = try engine.tokens(Self.prompt(index, 20), Self.options(15))
      #expect(tokens[ObjectIdentifier(request)] ?? [] == alone)
    }
  }

  @Test func closedRequestsSayNothing() throws {
    let engine = try Self.engine()
    let request = try engine.submit(Self.prompt(1, 30), Self.options(1500))
    guard case .event = request.nextEvent() else { throw Missing() }
    request.close()
    guard case .closed = request.nextEvent() else { throw Missing() }
    guard case .timedOut = engine.nextEvent(timeout: 0.2) else { throw Missing() }
    try Self.expectIdle(engine)
  }

  @Test func theHostsMemoryIsUsedAndGivenBack() throws {
    let balance = Atomic<Int>(0)
    let most = Atomic<Int>(0)
    let source = MemorySource(
      allocate: { byteCount in
        most.add(byteCount, ordering: .relaxed)
        balance.add(1, ordering: .relaxed)
        return UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 4096)
      },
      release: { memory, byteCount in
        balance.subtract(1, ordering: .relaxed)
        #expect(
          UnsafeRawBufferPointer(start: memory, count: byteCount).allSatisfy { $0 == 0 })
        memory.deallocate()
      })
    let engine = try Self.engine { $0.memory = source }
    let plain = try Self.engine()
    #expect(
      try engine.tokens([1, 2, 3], Self.options(9)) == plain.tokens([1, 2, 3], Self.options(9)))
    engine.close()
    #expect(most.load(ordering: .relaxed) >= engine.cacheByteCount)
    #expect(balance.load(ordering: .relaxed) == 0)
    let none = MemorySource(allocate: { _ in nil }, release: { _, _ in })
    #expect(throws: VialError.self) { try Self.engine { $0.memory = none } }
  }

  /// The last event may come a moment before the engine has counted.
  private static func expectIdle(_ engine: Engine) throws {
    let deadline = MonotonicClock.seconds + 10
    while engine.counts != (0, 0) {
      guard MonotonicClock.seconds < deadline else { throw Missing() }
    }
  }

  private struct Missing: Error {}
}

extension Request {
  /// The answer's bytes, once all are there.
  fileprivate func text() throws -> [UInt8] {
    _ = events()
    var bytes: [UInt8] = []
    for part in [AnswerPart.reasoning, .answer] {
      forEachText(of: part) { text in
        for index in text.indices { bytes.append(text[index]) }
      }
    }
    return bytes
  }
}

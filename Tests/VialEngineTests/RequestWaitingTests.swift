// Waiting for an answer as a whole, its text, and what an engine's options mean in KV blocks.

import TestSupport
import Testing
import Vial
import VialCompute
import VialEngine
import VialModel
import VialSystem

@Suite struct RequestWaitingTests {
  private static let endless = GenerationOptions(
    sampling: SamplingParameters(temperature: 1, seed: 5))

  @Test("a wait hands out every event once, and the text is that of all events")
  func waitingTakesAllEvents() throws {
    let engine = try Engine(model: PackedModel.open("qwen2-tiny-untied"), capacity: 256)
    let options = GenerationOptions(
      maximumTokens: 40, sampling: SamplingParameters(temperature: 1, seed: 5))
    let request = try engine.submit([1, 2, 3], options)
    var (tokens, bytes): ([UInt32], [UInt8]) = ([], [])
    let isOver = request.waitForAnswer(onEvent: { event in
      if case .token = event.kind { tokens.append(event.token) }
      bytes += event.text
    })
    #expect(isOver)
    #expect(tokens == (try engine.tokens([1, 2, 3], options)))
    let text = request.text(of: .answer)
    #expect(Array(text.utf8) == bytes && bytes.count > 3)
    #expect(request.text(of: .reasoning).isEmpty)
    // A buffer that is too small gets the beginning, and the count is that of the whole.
    var short = [UInt8](repeating: 0xFF, count: 4)
    let count = short.withUnsafeMutableBufferPointer {
      request.copyText(of: .answer, into: UnsafeMutableBufferPointer(rebasing: $0[..<3]))
    }
    #expect(count == bytes.count && short == Array(bytes[..<3]) + [0xFF])
    // There is nothing left to wait for.
    #expect(request.waitForAnswer(onEvent: { _ in Issue.record("an event came twice") }))
  }

  @Test("a wait ends at its deadline, and a cancelled request with its last event")
  func waitingEndsEarly() throws {
    let engine = try Engine(model: PackedModel.open("qwen2-tiny-untied"), capacity: 4096)
    let request = try engine.submit([1, 2, 3], Self.endless)
    let isOver = request.waitForAnswer(until: MonotonicClock.seconds - 1)
    // What has come by then is handed out.
    #expect(!isOver || request.isFinished)
    var calls = 0
    let isCancelled = request.waitForAnswer(isCancelled: {
      calls += 1
      return true
    })
    #expect(isCancelled && calls > 0 && request.ending?.reason == .cancelled)
  }

  @Test("the KV cache has as many blocks as options say, and no more than requests can use")
  func optionsBecomeBlocks() throws {
    let shape = try ModelFile(path: PackedModel.path("qwen2-tiny-untied")).weights().shape
    let layout = try #require(KVCacheLayout(type: .f16, shape: shape))
    func blocks(_ change: (inout EngineOptions) -> Void) -> Int? {
      var options = EngineOptions()
      change(&options)
      return options.blockCount(for: shape, contextLength: 1000)
    }
    #expect(blocks { $0.cachePositionCount = 65 } == 2)
    #expect(blocks { $0.cachePositionCount = 0 } == 1)
    #expect(blocks { $0.cachePositionCount = .max } == 64 * 16)
    #expect(blocks { $0.cacheByteLimit = layout.blockByteCount - 1 } == 0)
    #expect(blocks { $0.cacheByteLimit = layout.blockByteCount * 7 + 1 } == 7)
    #expect(
      blocks {
        $0.cacheByteLimit = .max
        $0.runningLimit = 2
      } == 2 * 16)
    #expect(blocks { _ in } == EngineOptions.defaultPositionCount / 64)
  }
}

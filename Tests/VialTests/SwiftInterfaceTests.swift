// What a Swift host sees with one import: texts in and out, streams, Tasks, batches, scores.

import Dispatch
import Foundation
import TestSupport
import Testing
import Vial

/// Threads that other tests cannot keep from running: an answer must not end before it is cancelled.
private final class OwnThreads: TaskExecutor {
  func enqueue(_ job: consuming ExecutorJob) {
    let unowned = UnownedJob(job)
    Thread.detachNewThread { unowned.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }
}

@Suite struct SwiftInterfaceTests {
  private static let question = "What are the symptoms of anemia?"
  private static let others = ["What is asthma?", "What causes gout?", "What is anemia?"]

  private static func engine(change: (inout EngineOptions) -> Void = { _ in }) throws -> Engine {
    var options = EngineOptions(compute: ComputeOptions(threadCount: 2))
    change(&options)
    return try Engine(model: Model(path: Files.demo), options: options)
  }

  /// Options of an answer that ends at the context's end only.
  private static func endless(_ engine: Engine) -> GenerationOptions {
    var options = GenerationOptions(sampling: engine.model.recommendedSampling)
    options.rules.ignoresEnd = true
    return options
  }

  /// The error that `body` throws.
  private static func failure(_ body: () async throws -> Void) async -> VialError? {
    do {
      try await body()
      return nil
    } catch { return error as? VialError }
  }

  @Test("pieces of a stream are the answer that waiting gets")
  func streamEqualsWaiting() async throws {
    let engine = try Self.engine()
    let waited = try engine.submit(Self.question).answer()
    #expect(waited.finishReason == .stop)
    #expect(!waited.text.isEmpty && !waited.reasoning.isEmpty)
    let stream = try engine.stream(Self.question)
    var (text, reasoning, pieceCount) = ("", "", 0)
    for try await piece in stream {
      #expect(!piece.text.isEmpty)
      if piece.part == .answer { text += piece.text } else { reasoning += piece.text }
      pieceCount += 1
    }
    #expect(text == waited.text && reasoning == waited.reasoning)
    #expect(pieceCount > 10)
    #expect(stream.finishReason == .stop)
    #expect(stream.timings.answerTokenCount == waited.timings.answerTokenCount)
    // Whoever comes late gets the whole answer, and no piece twice.
    #expect(try await stream.answer().text == waited.text)
    for try await piece in stream { Issue.record("a piece twice: \(piece.part)") }
    let answer = try await engine.answer(to: Self.question)
    #expect(answer.text == waited.text && answer.reasoning == waited.reasoning)
  }

  @Test("one user message and a conversation of it are the same prompt")
  func conversationOfOneMessage() async throws {
    let engine = try Self.engine()
    let plain = try engine.submit(Self.question).answer()
    let alone = try Conversation([("user", Self.question)])
    #expect(try engine.submit(alone).answer().text == plain.text)
    #expect(try await engine.stream(alone).answer().text == plain.text)
    let longer = try Conversation([
      (role: "user", content: "What is anemia?"),
      (role: "assistant", content: "Too few red blood cells. <think>"),
      (role: "user", content: Self.question),
    ])
    let request = try engine.submit(longer)
    #expect(try request.answer().timings.promptTokenCount > plain.timings.promptTokenCount + 10)
  }

  @Test(
    "options change what the recommended ones do not say, and a prefill is put behind the prompt")
  func givenOptions() throws {
    let engine = try Self.engine()
    let whole = try engine.submit(Self.question).answer()
    var options = GenerationOptions(
      maximumTokens: 3, sampling: engine.model.recommendedSampling)
    let cut = try engine.submit(Self.question, options: options).answer()
    #expect(cut.finishReason == .length)
    #expect(cut.timings.generatedTokenCount == 3)
    #expect(whole.reasoning.hasPrefix(cut.reasoning))
    let prefill = try #require(SecureBuffer<UInt8>(capacity: 16))
    prefill.append(contentsOf: Array("Anemia is".utf8).span)
    options.prefill = prefill
    let begun = try engine.submit(Self.question, options: options).answer()
    #expect(begun.reasoning.isEmpty && !begun.text.isEmpty)
    #expect(begun.timings.promptTokenCount > cut.timings.promptTokenCount)
  }

  @Test("a text is literal, is sampled as the file recommends, and is wiped at the end")
  func textDefaults() throws {
    let engine = try Self.engine()
    let message = "What is <think> and </think>?"
    let request = try engine.submit(message)
    #expect(request.plan.options.sampling == engine.model.recommendedSampling)
    #expect(engine.model.recommendedSampling != SamplingParameters())
    let conversation = try engine.submit(Conversation([("user", message)]))
    #expect(conversation.promptCount == request.promptCount)
    let answer = try request.answer()
    #expect(try conversation.answer().text == answer.text)
    try engine.waitUntilIdle()
    #expect(request.plan.prompt.count == 0 && conversation.plan.prompt.count == 0)
  }

  @Test("cancelling the Task cancels the request, and the loop throws")
  func cancelledTask() async throws {
    let engine = try Self.engine()
    let stream = try engine.stream(Self.question, options: Self.endless(engine))
    let task = Task(executorPreference: OwnThreads()) {
      await Self.failure {
        for try await _ in stream { withUnsafeCurrentTask { $0?.cancel() } }
      }
    }
    guard case .cancelled? = await task.value else { throw Missing() }
    try engine.waitUntilIdle()
    #expect(stream.finishReason == .cancelled)
    // A Task that was cancelled before does not wait at all.
    let late = try engine.stream(Self.question, options: Self.endless(engine))
    let other = Task(executorPreference: OwnThreads()) {
      withUnsafeCurrentTask { $0?.cancel() }
      return await Self.failure { _ = try await late.answer() }
    }
    guard case .cancelled? = await other.value else { throw Missing() }
    try engine.waitUntilIdle()
    #expect(late.finishReason == .cancelled)
  }

  @Test("cancelling a Task that waits for an event throws: the loop does not just end")
  func cancelledWhileWaiting() async throws {
    let engine = try Self.engine()
    // A callback that does not return keeps all events back.
    let gate = DispatchSemaphore(value: 0)
    let (called, call) = AsyncStream.makeStream(of: Void.self)
    let prompt = try engine.model.chatTokens(user: Array("?".utf8).span)
    let options = GenerationOptions(maximumTokens: 1)
    let blocker = try engine.submit(prompt: prompt, options: options) { _, _ in
      call.finish()
      gate.wait()
      gate.signal()
    }
    defer { gate.signal() }
    for await _ in called {}
    let stream = try engine.stream(Self.question)
    let (begun, note) = AsyncStream.makeStream(of: Void.self)
    let task = Task(executorPreference: OwnThreads()) {
      await Self.failure {
        note.finish()
        for try await _ in stream {}
      }
    }
    for await _ in begun {}
    try engine.waitUntilIdle()
    #expect(blocker.isFinished && stream.finishReason == .stop)
    task.cancel()
    guard case .cancelled? = await task.value else { throw Missing() }
  }

  @Test("leaving the loop cancels the request")
  func leftLoop() async throws {
    let engine = try Self.engine()
    let options = Self.endless(engine)
    let task = Task(executorPreference: OwnThreads()) {
      for try await _ in try engine.stream(Self.question, options: options) { break }
    }
    try await task.value
    try engine.waitUntilIdle()
    #expect(engine.metrics.finishedCounts[.cancelled] == 1)
    #expect(engine.metrics.finishedCounts.total == 1)
  }

  @Test("two streams at once get what each gets alone")
  func twoStreams() async throws {
    let engine = try Self.engine()
    func text(_ message: String) async throws -> String {
      var text = ""
      for try await piece in try engine.stream(message) { text += piece.text }
      return text
    }
    let alone = try [await text(Self.others[0]), await text(Self.others[1])]
    async let first = text(Self.others[0])
    async let second = text(Self.others[1])
    #expect(try await [first, second] == alone)
    #expect(alone[0] != alone[1])
  }

  @Test("a batch gets the answers of its messages in order, through a queue of one")
  func batch() async throws {
    let engine = try Self.engine()
    var alone: [String] = []
    for message in Self.others { alone.append(try await engine.answer(to: message).text) }
    #expect(Set(alone).count == 3)
    #expect(try await engine.answers(to: Self.others).map(\.text) == alone)
    #expect(try await engine.answers(to: []).isEmpty)
    let narrow = try Self.engine {
      $0.queueLimit = 1
      $0.runningLimit = 1
    }
    #expect(try await narrow.answers(to: Self.others + Self.others).map(\.text) == alone + alone)
  }

  @Test("what fails before and during an answer is thrown")
  func thrownErrors() async throws {
    let engine = try Self.engine()
    let long = String(repeating: "anemia ", count: 10_000)
    guard case .promptTooLong? = await Self.failure({ _ = try engine.stream(long) }) else {
      throw Missing()
    }
    let options = Self.endless(engine)
    let batch = await Self.failure {
      _ = try await engine.answers(to: [Self.question, long], options: options)
    }
    guard case .promptTooLong? = batch else { throw Missing() }
    try engine.waitUntilIdle()
    #expect(engine.metrics.finishedCounts[.cancelled] == 1)
    var invalid = options
    invalid.sampling.temperature = -1
    guard
      case .invalidOption? = await Self.failure({
        _ = try engine.submit(Self.question, options: invalid)
      })
    else { throw Missing() }
    let closed = try engine.stream(Self.question, options: options)
    engine.close()
    guard case .cancelled? = await Self.failure({ for try await _ in closed {} }) else {
      throw Missing()
    }
    guard case .closed? = await Self.failure({ _ = try engine.stream("?") }) else {
      throw Missing()
    }
  }

  @Test("damage that is met while an answer is computed ends the loop with an error")
  func damagedWeights() async throws {
    let folder = TemporaryFolder()
    var bytes = try Data(contentsOf: URL(filePath: Files.demo))
    bytes[bytes.count / 2] ^= 0x10
    let path = folder.path("damaged.vial")
    try bytes.write(to: URL(filePath: path))
    let engine = try Engine(model: Model(path: path, verification: .lazy))
    let streamed = await Self.failure {
      for try await _ in try engine.stream(Self.question) {}
    }
    guard case .format(let error)? = streamed else { throw Missing() }
    #expect(error.rule == 220)
    guard case .format? = await Self.failure({ _ = try engine.submit(Self.question).answer() })
    else { throw Missing() }
  }

  @Test("texts are scored as their ids are")
  func scores() throws {
    let model = try Model(path: Files.demo)
    let text = "Anemia is a condition of the blood."
    let scores = try model.scores(of: text)
    let tokens = try model.rawTokens(Array(text.utf8).span)
    #expect(scores.map(\.token) == (0..<tokens.count).map { tokens.pointer[$0] })
    #expect(scores[0].logProbability == nil)
    #expect(scores.dropFirst().allSatisfy { ($0.logProbability ?? 1) < 0 })
    let answers = ["a lack of red blood cells", "zq zq zq zq zq zq"]
    let values = try model.logLikelihoods(of: answers, to: "What is anemia?")
    #expect(values.count == 2 && values[0] > values[1])
    #expect(
      try model.logLikelihoods(of: [answers[1], answers[0]], to: "What is anemia?")
        == [values[1], values[0]])
  }

  private struct Missing: Error {}
}

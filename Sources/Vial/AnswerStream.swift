// Owns: answers for Tasks: pieces as they come, whole answers and batches, cancelled with the Task.
// Must not: hold a thread or a lock while it waits; keep text: pieces are made when they are asked
// for.

// The C library has no Tasks: Swift's runtime for them would be linked into it.
#if !VIAL_WITHOUT_CONCURRENCY

  public import VialEngine
  import VialSystem

  /// A piece of an answer.
  public struct AnswerPiece: Sendable {
    /// Where it belongs.
    public let part: AnswerPart
    /// Whole characters; never empty. A copy in ordinary memory, which nobody wipes.
    public let text: String
  }

  /// The pieces of one answer, in order, as they are generated.
  ///
  /// Each piece is handed out once: for one loop. Cancelling the Task that waits cancels the
  /// request, and so does leaving the loop early. Events are noted on the engine's delivery thread;
  /// no thread waits for them. The stream keeps its engine.
  public struct AnswerStream: AsyncSequence, Sendable {
    /// What iterating throws.
    public typealias Failure = VialError

    private let engine: Engine
    private let request: Request
    private let events: AsyncStream<StreamedEvent>

    /// Submits a prompt.
    init(
      _ engine: Engine, prompt: SecureBuffer<UInt32>, options: GenerationOptions
    ) throws(VialError) {
      let (events, notes) = AsyncStream.makeStream(of: StreamedEvent.self)
      let request = try engine.prepare(prompt: prompt, options: options) { _, event in
        notes.yield(StreamedEvent(event: event))
        if case .finished = event.kind { notes.finish() }
      }
      // Weak: the request holds the callback, which holds this.
      notes.onTermination = { [weak request] in
        if case .cancelled = $0 { request?.cancel() }
      }
      try engine.submit(request)
      (self.engine, self.request, self.events) = (engine, request, events)
    }

    /// Ends the generation within a step of the engine; whoever waits gets `cancelled`.
    public func cancel() { request.cancel() }

    /// Why it ended; nil while it runs.
    public var finishReason: FinishReason? { request.ending?.reason }

    /// How long it took so far, and how many tokens it has.
    public var timings: RequestTimings { request.timings }

    /// Waits for the end and returns the whole answer, pieces that were handed out included.
    /// - Throws: why the request failed; `cancelled`, also when the Task is.
    public func answer() async throws(VialError) -> Answer {
      var iterator = makeAsyncIterator()
      while let event = try await iterator.nextEvent(isolation: #isolation) {
        if case .finished(let reason) = event.kind {
          return try Answer(of: request, reason: reason)
        }
      }
      guard let reason = finishReason else { throw .cancelled }
      return try Answer(of: request, reason: reason)
    }

    /// Begins to hand out pieces.
    public func makeAsyncIterator() -> Iterator {
      Iterator(engine: engine, request: request, events: events.makeAsyncIterator())
    }

    /// Hands out pieces.
    public struct Iterator: AsyncIteratorProtocol {
      private let engine: Engine
      private let request: Request
      private var events: AsyncStream<StreamedEvent>.Iterator
      private var isOver = false

      fileprivate init(
        engine: Engine, request: Request, events: AsyncStream<StreamedEvent>.Iterator
      ) {
        (self.engine, self.request, self.events) = (engine, request, events)
      }

      /// The next piece; nil when the answer has ended, cut ones (`finishReason`) included.
      /// - Parameter actor: where the caller runs.
      /// - Throws: why the request failed; `cancelled` when it, or the Task, was.
      public mutating func next(
        isolation actor: isolated (any Actor)? = #isolation
      ) async throws(VialError) -> AnswerPiece? {
        while let event = try await nextEvent(isolation: actor) {
          if event.text.isEmpty { continue }
          return AnswerPiece(
            part: event.part, text: String(decoding: event.text, as: UTF8.self))
        }
        return nil
      }

      /// The next event; nil after the last one.
      fileprivate mutating func nextEvent(
        isolation actor: isolated (any Actor)?
      ) async throws(VialError) -> RequestEvent? {
        if isOver { return nil }
        if Task.isCancelled {
          request.cancel()
          throw .cancelled
        }
        guard let event = await events.next(isolation: actor)?.event else {
          isOver = true
          // Events end behind the last one, or where a Task was cancelled.
          if Task.isCancelled || !request.isFinished { throw .cancelled }
          if let failure = request.failure { throw failure }
          return nil
        }
        if case .finished = event.kind {
          isOver = true
          if let failure = request.failure { throw failure }
        }
        return event
      }
    }
  }

  /// An event on its way between threads. Its pointers stay valid: the iterator keeps the request.
  private struct StreamedEvent: @unchecked Sendable {
    let event: RequestEvent
  }

  extension Engine {
    /// Submits one user message and hands out the answer piece by piece, as `submit` with a text.
    /// - Parameters:
    ///   - message: what the user says; copied into wiped memory.
    ///   - options: nil: what the model's file recommends.
    /// - Throws: as `submit`; the loop throws what happens later.
    public func stream(
      _ message: String, options: GenerationOptions? = nil
    ) throws(VialError) -> AnswerStream {
      try AnswerStream(
        self, prompt: prompt(message, options), options: options ?? recommendedOptions)
    }

    /// Submits a conversation and hands out the answer piece by piece.
    /// - Parameters:
    ///   - conversation: is copied, and may go on afterwards.
    ///   - options: nil: what the model's file recommends.
    /// - Throws: as `submit`; the loop throws what happens later.
    public func stream(
      _ conversation: Conversation, options: GenerationOptions? = nil
    ) throws(VialError) -> AnswerStream {
      let prompt = try model.chatTokens(conversation, prefill: options?.prefill)
      return try AnswerStream(self, prompt: prompt, options: options ?? recommendedOptions)
    }

    /// The whole answer to one user message. Cancelled with the Task.
    /// - Parameters:
    ///   - message: what the user says; copied into wiped memory.
    ///   - options: nil: what the model's file recommends.
    /// - Throws: as `submit`; why the request failed; `cancelled`.
    public func answer(
      to message: String, options: GenerationOptions? = nil
    ) async throws(VialError) -> Answer {
      try await stream(message, options: options).answer()
    }

    /// Most requests of one call of `answers` that are open at the same time.
    private static var openLimit: Int { 256 }

    /// The answers to many user messages, computed together, in the order of the messages.
    ///
    /// At most 256 are open at a time, and fewer where the queue is full. The first failure cancels
    /// the rest, and so does cancelling the Task.
    /// - Parameters:
    ///   - messages: each a question of its own.
    ///   - options: of each; nil: what the model's file recommends.
    /// - Throws: the first failure, in the order of the messages; `busy` when others fill the
    ///   queue.
    public func answers(
      to messages: [String], options: GenerationOptions? = nil
    ) async throws(VialError) -> [Answer] {
      var open: [AnswerStream] = []
      var answers: [Answer] = []
      defer { for stream in open { stream.cancel() } }
      while answers.count < messages.count {
        var isFull = false
        while !isFull, open.count < Self.openLimit, answers.count + open.count < messages.count {
          do throws(VialError) {
            open.append(try stream(messages[answers.count + open.count], options: options))
          } catch {
            guard case .busy = error, !open.isEmpty else { throw error }
            isFull = true
          }
        }
        answers.append(try await open[0].answer())
        open.removeFirst()
      }
      return answers
    }
  }

#endif

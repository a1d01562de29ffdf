// Owns: prompts and answers as Swift's texts, for hosts that have no wiped memory of their own.
// Must not: keep a text: what is passed in is copied into wiped memory, what comes out is the
// caller's.

public import VialEngine
import VialSystem

/// A finished answer.
///
/// Its texts are copies in ordinary memory, which nobody wipes. `Request.forEachText` hands out the
/// answer without a copy.
public struct Answer: Sendable {
  /// The answer, without the reasoning.
  public let text: String
  /// What the model thought before it answered; empty for models that do not.
  public let reasoning: String
  /// Why it ended. The answer is complete with `stop` and `stopString` only.
  public let finishReason: FinishReason
  /// How long it took, and how many tokens it has.
  public let timings: RequestTimings

  /// Copies what a request has answered.
  /// - Throws: why the request failed, `cancelled`.
  init(of request: Request, reason: FinishReason) throws(VialError) {
    if let failure = request.failure { throw failure }
    text = request.text(of: .answer)
    reasoning = request.text(of: .reasoning)
    finishReason = reason
    timings = request.timings
  }
}

extension Request {
  /// Waits for the end and returns the whole answer. It blocks the calling thread, and takes all
  /// events: for one caller of a request without a callback.
  ///
  /// Inside a Task, `Engine.answer(to:options:)` waits without blocking a thread.
  /// - Throws: why the request failed; `cancelled`, also when its engine or itself was closed.
  public func answer() throws(VialError) -> Answer {
    waitForAnswer()
    guard let ending else { throw .cancelled }
    return try Answer(of: self, reason: ending.reason)
  }

  /// Why there is no answer, once it ended; nil while it runs, and for answers, cut ones included.
  var failure: VialError? {
    guard let ending else { return nil }
    switch ending.reason {
    case .cancelled: return .cancelled
    case .error: return ending.failure.map { VialError($0) } ?? .outOfMemory
    case .stop, .length, .stopString, .deadline, .budget: return nil
    }
  }
}

extension Engine {
  /// Submits one user message, rendered through the file's chat template; its text is literal.
  ///
  /// The text is copied into wiped memory. The caller's `String` stays as it is, in ordinary
  /// memory.
  /// - Parameters:
  ///   - message: what the user says.
  ///   - options: nil: what the model's file recommends, and the prompt is wiped when the request
  ///     ends. Given options decide that themselves (`GenerationOptions.ownsTexts`).
  /// - Returns: the request, for `Request.answer()` or `Request.nextEvent(timeout:)`. It does not
  ///   keep the engine: a request whose engine is released is cancelled.
  /// - Throws: `noChatTemplate`, `promptTooLong`, `busy`, and what `prepare` throws.
  public func submit(
    _ message: String, options: GenerationOptions? = nil
  ) throws(VialError) -> Request {
    try submit(prompt: prompt(message, options), options: options ?? recommendedOptions)
  }

  /// Submits a conversation that asks for an answer, as above.
  /// - Parameters:
  ///   - conversation: is copied, and may go on afterwards.
  ///   - options: nil: as above.
  /// - Throws: as above.
  public func submit(
    _ conversation: Conversation, options: GenerationOptions? = nil
  ) throws(VialError) -> Request {
    let prompt = try model.chatTokens(conversation, prefill: options?.prefill)
    return try submit(prompt: prompt, options: options ?? recommendedOptions)
  }

  /// The ids of one user message and of the options' prefill.
  func prompt(
    _ message: String, _ options: GenerationOptions?
  ) throws(VialError) -> SecureBuffer<UInt32> {
    let text = message.utf8.span
    return try model.chatTokens(user: text, prefill: options?.prefill)
  }

  /// Options for a prompt that nobody else holds.
  var recommendedOptions: GenerationOptions {
    var options = GenerationOptions(sampling: model.recommendedSampling)
    options.ownsTexts = true
    return options
  }
}

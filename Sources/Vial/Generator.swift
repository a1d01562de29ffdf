// Owns: the loop from a prompt to an answer: compute, choose, decode, hand out.
// Must not: know terminals, files or templates.

import VialCompute
import VialEngine
import VialFormat
import VialModel
public import VialSystem
import VialText

/// How long a generation took.
public struct GenerationTimings: Sendable {
  /// Tokens of the prompt.
  public internal(set) var promptTokenCount = 0
  /// Seconds until the first token was chosen.
  public internal(set) var promptSeconds = 0.0
  /// Tokens that were generated, an end token included.
  public internal(set) var generatedTokenCount = 0
  /// Seconds from the first token to the last.
  public internal(set) var generationSeconds = 0.0
}

/// What a generation gave. Text and tokens are wiped when it is released.
public final class Generation {
  /// Generated ids, the end token excluded.
  public let tokens: SecureBuffer<UInt32>
  /// UTF-8 of the answer.
  public private(set) var answer: SecureBuffer<UInt8>
  /// UTF-8 of the reasoning before it.
  public private(set) var reasoning: SecureBuffer<UInt8>
  /// Why it ended.
  public internal(set) var finishReason = FinishReason.length
  /// How long it took.
  public internal(set) var timings = GenerationTimings()

  init?(tokenCapacity: Int) {
    guard let tokens = SecureBuffer<UInt32>(capacity: tokenCapacity),
      let answer = SecureBuffer<UInt8>(capacity: 4096),
      let reasoning = SecureBuffer<UInt8>(capacity: 4096)
    else { return nil }
    self.tokens = tokens
    self.answer = answer
    self.reasoning = reasoning
  }

  /// The text of a part with room for `byteCount` bytes more: moved into a larger buffer when it is full, and
  /// the smaller one wiped. nil when memory is short.
  func text(of part: AnswerPart, roomFor byteCount: Int) -> SecureBuffer<UInt8>? {
    let text = part == .answer ? answer : reasoning
    if text.capacity - text.count >= byteCount { return text }
    guard let larger = SecureBuffer<UInt8>(capacity: text.capacity * 2 + byteCount) else {
      return nil
    }
    larger.append(contentsOf: text.span)
    if part == .answer { answer = larger } else { reasoning = larger }
    return larger
  }
}

/// Generates one answer at a time. Not thread-safe.
public final class Generator {
  /// Name of the ISA family that computes.
  public var familyName: String { runner.family.name }
  /// Threads that compute.
  public var threadCount: Int { runner.threadCount }
  private let model: Model
  private let runner: Runner
  private let sampler: Sampler
  private let capacity: Int

  /// Reserves memory for prompts and answers of up to `capacity` tokens together.
  public init(
    model: Model, capacity: Int, options: ComputeOptions = ComputeOptions()
  ) throws(VialError) {
    self.model = model
    self.capacity = min(max(1, capacity), model.contextLength)
    do throws(RunnerError) {
      runner = try Runner(
        weights: model.weights, options: options.runnerOptions(positions: self.capacity))
      let tokenizer = model.tokenizer
      sampler = try Sampler(
        runner: runner, idCount: tokenizer.tokenCount, isAllowed: tokenizer.isPresent)
    } catch { throw .computation(error) }
  }

  /// Continues `prompt`.
  ///
  /// - Parameters:
  ///   - shouldStop: asked before every token and between chunks of the prompt.
  ///   - onText: gets the text as it comes, never half a character, part by part.
  public func generate(
    prompt: borrowing Span<UInt32>, options: GenerationOptions,
    shouldStop: () -> Bool = { false }, onText: (AnswerPart, Span<UInt8>) -> Void = { _, _ in }
  ) throws(VialError) -> Generation {
    if let sentence = options.sampling.firstInvalid { throw .invalidOption(sentence) }
    guard prompt.count > 0 else { throw .emptyPrompt }
    guard prompt.count < model.contextLength, prompt.count < capacity else {
      throw .promptTooLong(tokenCount: prompt.count, contextLength: model.contextLength)
    }
    let limit = min(options.maximumTokens ?? Int.max, capacity - prompt.count)
    var run = try GenerationRun(
      model: model, runner: runner, sampler: sampler, sampling: options.sampling, prompt: prompt,
      limit: limit)
    try run.loop(shouldStop: shouldStop, onText: onText)
    return run.result
  }
}

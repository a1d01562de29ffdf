// Owns: one generation in progress: its sequence, its decoder and where its text goes.
// Must not: outlive the call that made it.

import VialEngine
import VialFormat
import VialSystem
import VialText

/// The state of one generation.
struct GenerationRun: ~Copyable {
  let result: Generation
  private let model: Model
  private let runner: Runner
  private let sampler: Sampler
  private let sampling: SamplingParameters
  private let sequence: Sequence
  private let limit: Int
  private let promptCount: Int
  private var seen: SeenTokens?
  private var decoder: StreamingDecoder
  private var part: AnswerPart

  init(
    model: Model, runner: Runner, sampler: Sampler, sampling: SamplingParameters,
    prompt: borrowing Span<UInt32>, limit: Int
  ) throws(VialError) {
    guard let sequence = Sequence(capacity: prompt.count + max(0, limit), pool: runner.blocks),
      let result = Generation(tokenCapacity: max(0, limit))
    else { throw .outOfMemory }
    for index in prompt.indices { sequence.tokens.append(prompt[index]) }
    self.model = model
    self.runner = runner
    self.sampler = sampler
    self.sampling = sampling
    self.sequence = sequence
    self.limit = limit
    self.result = result
    promptCount = prompt.count
    decoder = StreamingDecoder(model.tokenizer)
    part = model.isInsideReasoning(prompt) ? .reasoning : .answer
    if sampling.repetitionPenalty != 1 {
      seen = SeenTokens(idCount: runner.vocabularySize)
      for index in prompt.indices { seen?.insert(prompt[index]) }
    }
  }

  /// Generates until the model ends, the limit is reached or the caller has enough.
  mutating func loop(
    shouldStop: () -> Bool, onText: (AnswerPart, Span<UInt8>) -> Void
  ) throws(VialError) {
    let start = MonotonicClock.seconds
    var first = start
    result.timings.promptTokenCount = promptCount
    while result.tokens.count < limit {
      guard let id = try nextToken(shouldStop) else { break }
      if result.timings.generatedTokenCount == 0 {
        first = MonotonicClock.seconds
        result.timings.promptSeconds = first - start
      }
      result.timings.generatedTokenCount += 1
      if model.file.configuration.eosTokens.contains(id) {
        result.finishReason = .stop
        break
      }
      result.tokens.append(id)
      sequence.tokens.append(id)
      seen?.insert(id)
      try emit(id, onText)
    }
    try flush(onText)
    result.timings.generationSeconds = MonotonicClock.seconds - first
  }

  /// The next token, or nil when the generation ends without one.
  private mutating func nextToken(_ shouldStop: () -> Bool) throws(VialError) -> UInt32? {
    if shouldStop() {
      result.finishReason = .cancelled
      return nil
    }
    do throws(RunnerError) {
      let id = try runner.advance(sequence, shouldStop: shouldStop) { logits throws(RunnerError) in
        guard
          let id = sampler.next(
            logits: logits, parameters: sampling, position: sequence.tokens.count,
            seen: seen?.pointer)
        else { throw .numericError }
        return id
      }
      if id == nil { result.finishReason = .cancelled }
      return id
    } catch .numericError {
      result.finishReason = .error
      return nil
    } catch { throw VialError(error) }
  }

  /// Decodes a token into the current part, or changes parts at a mark.
  private mutating func emit(
    _ id: UInt32, _ onText: (AnswerPart, Span<UInt8>) -> Void
  ) throws(VialError) {
    if let (begin, end) = model.reasoningTokens, id == begin || id == end {
      try flush(onText)
      part = id == begin ? .reasoning : .answer
      return
    }
    try write(onText, byteCount: decoder.capacity(for: id)) { decoder, output in
      decoder.append(id, into: &output)
    }
  }

  /// Ends a part: a character that is still incomplete comes out as U+FFFD.
  private mutating func flush(
    _ onText: (AnswerPart, Span<UInt8>) -> Void
  ) throws(VialError) {
    try write(onText, byteCount: 12) { decoder, output in decoder.finish(into: &output) }
  }

  /// Lets the decoder write behind the text of the current part and hands out what came.
  private mutating func write(
    _ onText: (AnswerPart, Span<UInt8>) -> Void, byteCount: Int,
    _ body: (inout StreamingDecoder, inout MutableSpan<UInt8>) -> Int
  ) throws(VialError) {
    guard let text = result.text(of: part, roomFor: byteCount) else { throw .outOfMemory }
    let before = text.count
    text.appendInPlace { room in
      var output = room.mutableSpan
      return body(&decoder, &output)
    }
    if text.count > before { onText(part, text.span.extracting(before..<text.count)) }
  }
}

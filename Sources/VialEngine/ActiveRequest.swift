// Owns: a request that is being computed: its sequence, what it has seen, when things happened.
// Must not: be touched by another thread than the engine's.

import VialSystem
public import VialText

/// A request with its KV blocks.
final class ActiveRequest {
  let request: Request
  let sequence: Sequence
  /// Blocks that it may take in all.
  let blockCount: Int
  private let limit: Int
  private let endTokens: [UInt32]
  private let marks: ReasoningMarks?
  private let writer: AnswerWriter
  /// Grammar and budget of reasoning.
  private(set) var constraint: AnswerConstraint
  private var seen: SeenTokens?
  private let started = MonotonicClock.seconds
  private var first: Double?
  private var answerCount = 0

  /// nil when memory is short.
  init?(_ request: Request, runner: Runner, text: EngineText, limit: Int, blockCount: Int) {
    let prompt = request.plan.prompt
    guard let sequence = Sequence(capacity: prompt.count + limit, pool: runner.blocks) else {
      return nil
    }
    sequence.tokens.append(contentsOf: prompt.span)
    self.request = request
    self.sequence = sequence
    self.blockCount = blockCount
    self.limit = limit
    endTokens = text.endTokens
    marks = text.marks
    writer = AnswerWriter(tokenizer: text.tokenizer, marks: text.marks, plan: request.plan)
    constraint = AnswerConstraint(request.plan, text)
    guard request.plan.sampling.repetitionPenalty != 1 else { return }
    guard let seen = SeenTokens(idCount: runner.vocabularySize) else { return nil }
    for index in 0..<prompt.count { seen.insert(prompt.pointer[index]) }
    self.seen = seen
  }

  /// Whether the next step may end the prompt or goes beyond it.
  var isDecoding: Bool { sequence.pendingCount == 1 && answerCount > 0 }

  /// Bits of the ids seen so far, when there is a penalty.
  var seenBits: UnsafePointer<UInt64>? { seen?.pointer }

  /// Notes that the request left the queue.
  func begin(_ answer: inout AnswerLog) {
    answer.stage = .running
    answer.timings.promptTokenCount = request.plan.prompt.count
    answer.timings.queueSeconds = started - request.submitted
  }

  /// Notes how much of the prompt is computed.
  func noteProgress(_ answer: inout AnswerLog) {
    answer.timings.computedPromptTokenCount = min(
      sequence.computedCount, request.plan.prompt.count)
  }

  /// Takes the token that was chosen; returns why the answer ends with it, if it does.
  func accept(
    _ chosen: ChosenToken, alternatives: [TokenAlternative], _ answer: inout AnswerLog
  ) -> FinishReason? {
    if first == nil {
      let now = MonotonicClock.seconds
      first = now
      answer.timings.promptSeconds = now - started
    }
    answer.timings.generatedTokenCount += 1
    if endTokens.contains(chosen.token) { return .stop }
    sequence.tokens.append(chosen.token)
    seen?.insert(chosen.token)
    constraint.accept(chosen.token)
    answerCount += 1
    answer.timings.answerTokenCount = answerCount
    guard write(chosen, alternatives, &answer) else { return .error }
    if writer.isStopped { return .stopString }
    if constraint.isOver { return .stop }
    guard answerCount >= limit else { return nil }
    return constraint.isIncomplete ? .budget : .length
  }

  private func write(
    _ chosen: ChosenToken, _ alternatives: [TokenAlternative], _ answer: inout AnswerLog
  ) -> Bool {
    let (part, text) = writer.append(chosen.token, to: answer.text)
    let stored = answer.alternatives.append(capacity: alternatives.count) { room in
      for (index, alternative) in alternatives.enumerated() { room[index] = alternative }
      return alternatives.count
    }
    guard let text, let stored else { return false }
    // The text stays in memory that is wiped, but no event and no answer leads to it.
    if request.plan.withholdsReasoning, isWithheld(part) || isMark(chosen.token) { return true }
    return answer.entries.append(
      AnswerLog.Entry(
        token: chosen.token, logProbability: chosen.logProbability, part: part, text: text,
        alternatives: stored))
  }

  private func isMark(_ token: UInt32) -> Bool {
    token == marks?.begin || token == marks?.end
  }

  /// Ends the answer.
  func finish(_ reason: FinishReason, _ failure: RunnerError?, _ answer: inout AnswerLog) {
    let (part, text) = writer.finish(answer.text)
    answer.timings.generationSeconds = first.map { MonotonicClock.seconds - $0 } ?? 0
    answer.stage = .finished
    answer.ending = AnswerLog.Ending(
      reason: reason, failure: failure, part: part,
      text: isWithheld(part) ? nothing : text ?? nothing)
  }

  private func isWithheld(_ part: AnswerPart) -> Bool {
    request.plan.withholdsReasoning && part == .reasoning
  }

  private var nothing: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: nil, count: 0) }
}

/// What the engine knows about the model's text.
public struct EngineText: Sendable {
  /// Turns ids into text.
  public let tokenizer: Tokenizer
  /// Ids that end an answer.
  public let endTokens: [UInt32]
  /// Marks of the reasoning part, when the tokenizer has them.
  public let marks: ReasoningMarks?
  /// Automata of the requests' grammars.
  let automata = GrammarAutomata()

  /// Everything at once.
  public init(tokenizer: Tokenizer, endTokens: [UInt32], marks: ReasoningMarks?) {
    self.tokenizer = tokenizer
    self.endTokens = endTokens
    self.marks = marks
  }
}

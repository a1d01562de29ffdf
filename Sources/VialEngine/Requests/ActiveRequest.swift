// Owns: a request that is being computed: its sequence, what it has seen, when things happened.
// Must not: be touched by another thread than the engine's, but for the worker that chooses its
// token in a step.

import VialFormat
import VialModel
import VialSystem
package import VialText

/// A request with its KV blocks.
final class ActiveRequest {
  let request: Request
  let sequence: TokenSequence
  /// Order of arrival.
  let number: UInt64
  /// How often it was preempted.
  var preemptionCount = 0
  /// Whether the last step was made without it, because others' grammars took all the work that a
  /// step may.
  var waitsForMask = false
  /// Whether its blocks stay referenced when it ends: a pinned prefix.
  var isPinned = false
  /// When its last token was chosen.
  private(set) var lastTokenTime: Double?
  /// Most tokens of the answer.
  let limit: Int
  private let marks: ReasoningMarks?
  private let writer: AnswerWriter
  /// Grammar and budget of reasoning.
  private var constraint: AnswerConstraint
  /// The token that the last step chose.
  private(set) var choice: ChosenToken?
  /// Why the last step chose none.
  private(set) var choiceFailure = RunnerError.numericError
  private var alternatives: [TokenAlternative] = []
  private var limits: TokenLimits?
  /// What penalties look at; nil when there is none.
  private var counts: TokenCounts?
  /// What all choices do to logits and mask, and what the step's does; nil when nothing is wanted.
  private let plainShaping: TokenShaping?
  private var shaping: TokenShaping?
  /// Scores of the prompt's tokens; nil when they are not wanted.
  private let promptScores: PromptScores?
  private var started = 0.0
  private var first: Double?
  private var answerCount = 0
  /// Positions that were computed when it ended; nil before.
  private var lastComputedCount: Int?
  /// Where steps leave what they computed.
  private let stepMemory: StepMemory
  /// For what its lists take as its answer grows.
  private let memory: HeldMemory
  /// Bytes of these for each request, and for each of its tokens: the hashes of blocks, lists of
  /// pieces of the answer.
  private static let ownByteCount = 32 << 10
  private static let tokenByteCount = 4

  /// nil when memory is short.
  /// - Parameters:
  ///   - hasher: hashes its blocks; nil when it shares none.
  ///   - commonHasher: hashes blocks that are pinned for all tenants.
  init?(
    _ request: Request, number: UInt64, stepMemory: StepMemory, text: AnswerText, limit: Int,
    hasher: PrefixHasher?, commonHasher: PrefixHasher?
  ) {
    let prompt = request.plan.prompt
    let grammarByteCount = request.plan.options.grammar == nil ? 0 : MemoryReserve.template
    guard
      let memory = HeldMemory(Self.ownByteCount + Self.tokenByteCount * (prompt.count + limit)),
      MemoryReserve.hold(grammarByteCount)
    else { return nil }
    defer { MemoryReserve.release(grammarByteCount) }
    self.memory = memory
    let sequence = TokenSequence(
      capacity: prompt.count + limit, pool: stepMemory.runner.blocks, hasher: hasher,
      commonHasher: commonHasher,
      adapter: request.plan.options.adapter)
    guard let sequence else { return nil }
    sequence.append(contentsOf: prompt.span)
    self.request = request
    self.sequence = sequence
    self.number = number
    self.stepMemory = stepMemory
    self.limit = limit
    marks = text.marks
    guard
      let writer = AnswerWriter(
        tokenizer: text.tokenizer, marks: text.marks, plan: request.plan)
    else { return nil }
    self.writer = writer
    constraint = AnswerConstraint(request.plan, text, tenant: request.tenant)
    plainShaping = TokenShaping(request.plan)
    promptScores =
      request.plan.options.scoresPrompt
      ? PromptScores(prompt: prompt, alternativeCount: request.plan.options.alternativeCount) : nil
    guard promptScores != nil || !request.plan.options.scoresPrompt else { return nil }
    guard request.plan.options.sampling.countsTokens else { return }
    counts = TokenCounts(request.plan.options.sampling, promptCount: prompt.count)
    guard counts?.update(sequence.tokens) == true else { return nil }
  }

  /// Whether the next step computes the token that was chosen last, and no other.
  var isDecoding: Bool { sequence.pendingCount == 1 && answerCount > 0 }

  /// Whether its answer is under way: a first token or two may be followed by a pause, later ones
  /// should not.
  var isSettled: Bool { answerCount > 2 }

  var priority: Int32 { request.plan.options.priority }

  /// Whether it keeps its blocks when there is memory for one of the two only.
  func ranksBefore(_ other: ActiveRequest) -> Bool {
    priority != other.priority ? priority > other.priority : number < other.number
  }

  /// Blocks that its tokens and one more need and that it does not have.
  var missingBlockCount: Int {
    let tokenCount = min(sequence.tokens.count + 1, sequence.tokens.capacity)
    return sequence.missingBlockCount(positionCount: tokenCount)
  }

  /// Whether its answer may need more rows of blocks than that.
  var willGrow: Bool {
    KVCacheLayout.rowCount(sequence.tokens.capacity)
      > KVCacheLayout.rowCount(sequence.tokens.count + 1)
  }

  /// Why there is nothing to choose, if that is so: no token is wanted, or the prefill says all
  /// that may be said.
  var reasonToSayNothing: FinishReason? {
    if constraint.isOver { return .stop }
    return limit == 0 ? reasonOfLimit : nil
  }

  /// Why an answer ends that the token limit cuts.
  private var reasonOfLimit: FinishReason { constraint.isOpen ? .budget : .length }

  /// Whether it ends before it is computed.
  var isIdle: Bool {
    reasonToSayNothing != nil && !request.plan.options.isPinned && promptScores == nil
  }

  /// Positions of the step that computes `tokenCount` tokens whose logits score the prompt.
  func scoredPositions(in tokenCount: Int) -> Range<Int> {
    guard let promptScores else { return 0..<0 }
    let computed = sequence.computedCount
    let first = max(computed, promptScores.readyCount)
    return first..<max(first, min(computed + tokenCount, promptScores.count))
  }

  /// Notes what logits behind a position say of the prompt.
  func score(
    _ logits: UnsafePointer<Float>, behind position: Int, _ sampler: Sampler, worker: Int
  ) {
    promptScores?.note(logits, behind: position, sampler, worker: worker)
  }

  /// Notes that the request left the queue.
  func begin(_ answer: inout AnswerLog) {
    started = MonotonicClock.seconds
    answer.stage = .running
    answer.promptScores = promptScores
    answer.timings.promptTokenCount = request.promptCount
    answer.timings.queueSeconds = started - request.submitted
  }

  /// Notes how much of the prompt is computed.
  func noteProgress(_ answer: inout AnswerLog) {
    let computedCount = lastComputedCount ?? sequence.computedCount
    answer.timings.computedPromptTokenCount = max(
      answer.timings.computedPromptTokenCount, min(computedCount, request.promptCount))
    if let promptScores {
      promptScores.readyCount = max(
        promptScores.readyCount, min(computedCount, promptScores.count))
    }
    answer.timings.preemptionCount = preemptionCount
    // What is found again after a preemption is no gain.
    if preemptionCount == 0 { answer.timings.cachedPromptTokenCount = sequence.reusedCount }
  }

  /// Whether the step that computes `tokenCount` tokens chooses one under a grammar.
  func needsMask(after tokenCount: Int) -> Bool {
    tokenCount == sequence.pendingCount && !request.plan.options.isPinned && constraint.needsMask
  }

  /// Notes what the token must keep to that a step chooses which computes `tokenCount` tokens;
  /// tells how many nodes of a grammar that took, nil when memory is short. Grammars share what
  /// they remember, so this is the engine's thread's.
  func prepareChoice(after tokenCount: Int) -> Int? {
    choice = nil
    choiceFailure = .numericError
    guard tokenCount == sequence.pendingCount, !request.plan.options.isPinned else { return 0 }
    let maskByteCount = constraint.needsMask ? MemoryReserve.template : 0
    guard MemoryReserve.hold(maskByteCount) else { return nil }
    defer { MemoryReserve.release(maskByteCount) }
    limits = constraint.limits()
    shaping = nextShaping
    return constraint.maskCost
  }

  /// What the next choice does to logits and mask; nil when nothing is wanted.
  private var nextShaping: TokenShaping? {
    guard var shaping = plainShaping else { return nil }
    shaping.counts = counts?.entries
    if answerCount < request.plan.options.rules.minimumTokens {
      shaping.barredEnds = constraint.endTokens
    }
    return shaping
  }

  /// Chooses the next token; `choice` stays nil when that is impossible, and `choiceFailure` says
  /// why. Changes nothing that other requests use.
  func choose(_ logits: UnsafeMutablePointer<Float>, _ sampler: Sampler, worker: Int) {
    let plan = request.plan
    guard !plan.options.isPinned, reasonToSayNothing == nil else { return }
    do throws(RunnerError) {
      choice = try sampler.choose(
        logits: logits, parameters: plan.options.sampling, position: sequence.tokens.count,
        alternativeCount: plan.options.alternativeCount, alternatives: &alternatives,
        limits: limits,
        shaping: shaping, wantsEntropy: plan.options.reportsEntropy, worker: worker)
    } catch { choiceFailure = error }
  }

  /// Takes the token that was chosen; returns why the answer ends with it, if it does.
  func accept(_ chosen: ChosenToken, _ answer: inout AnswerLog) -> FinishReason? {
    let now = MonotonicClock.seconds
    lastTokenTime = now
    if first == nil {
      first = now
      answer.timings.promptSeconds = now - started
    }
    answer.timings.generatedTokenCount += 1
    if constraint.isEnd(chosen.token) { return .stop }
    sequence.append(chosen.token)
    guard counts?.update(sequence.tokens) ?? true else { return .error }
    constraint.accept(chosen.token)
    answerCount += 1
    answer.timings.answerTokenCount = answerCount
    guard write(chosen, &answer) else { return .error }
    if writer.isStopped { return .stopString }
    if constraint.isOver { return .stop }
    guard answerCount >= limit else { return nil }
    return reasonOfLimit
  }

  private func write(_ chosen: ChosenToken, _ answer: inout AnswerLog) -> Bool {
    let (part, text) = writer.append(chosen.token, to: answer.text)
    let stored = answer.alternatives.append(capacity: alternatives.count) { buffer in
      for (index, alternative) in alternatives.enumerated() { buffer[index] = alternative }
      return alternatives.count
    }
    guard let text, let stored else { return false }
    // The text stays in memory that is wiped, but no event and no answer leads to it.
    if request.plan.options.withholdsReasoning, isWithheld(part) || isMark(chosen.token) {
      return true
    }
    return answer.entries.append(
      AnswerLog.Entry(
        token: chosen.token, logProbability: chosen.logProbability, entropy: chosen.entropy,
        part: part, text: text, alternatives: stored))
  }

  private func isMark(_ token: UInt32) -> Bool {
    token == marks?.begin || token == marks?.end
  }

  /// Releases its blocks, to be computed again; wipes what steps have left of it.
  func preempt() {
    stepMemory.wipe()
    sequence.releaseBlocks()
    preemptionCount += 1
  }

  /// It is over, and nobody was notified yet: wipes its ids, what was counted of them, and what
  /// steps have left of it, and gives back its blocks.
  func leaveNothing() {
    stepMemory.wipe()
    lastComputedCount = sequence.computedCount
    if isPinned { sequence.wipeTokens() } else { sequence.wipe() }
    counts = nil
    (choice, limits, shaping) = (nil, nil, nil)
    alternatives.wipe()
    request.plan.wipeTexts()
  }

  /// Ends the answer.
  func finish(_ reason: FinishReason, _ failure: RunnerError?, _ answer: inout AnswerLog) {
    let (part, text) = writer.finish(answer.text)
    writer.wipe()
    noteProgress(&answer)
    answer.timings.generationSeconds = first.map { MonotonicClock.seconds - $0 } ?? 0
    answer.stage = .finished
    answer.ending = AnswerLog.Ending(
      reason: reason, failure: failure, part: part,
      text: isWithheld(part) ? nothing : text ?? nothing)
  }

  private func isWithheld(_ part: AnswerPart) -> Bool {
    request.plan.options.withholdsReasoning && part == .reasoning
  }

  private var nothing: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: nil, count: 0) }
}

/// What the engine knows about the model's text.
package struct AnswerText: Sendable {
  /// Turns ids into text.
  package let tokenizer: Tokenizer
  /// Ids that end an answer.
  package let endTokens: [UInt32]
  /// Marks of the reasoning part, when the tokenizer has them.
  package let marks: ReasoningMarks?
  /// Automata of the requests' grammars.
  let automata = GrammarAutomata()

  /// Everything at once.
  package init(tokenizer: Tokenizer, endTokens: [UInt32], marks: ReasoningMarks?) {
    self.tokenizer = tokenizer
    self.endTokens = endTokens
    self.marks = marks
  }
}

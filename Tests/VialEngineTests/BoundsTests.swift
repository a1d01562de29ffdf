// Ids that the file or another model made up are held against the rows that they index, where they do so.

import TestSupport
import Testing
import Vial
import VialEngine
import VialFormat
import VialModel
import VialPacking
import VialSystem
import VialText

@Suite struct BoundsTests {
  private let model: Model
  private let weights: DecoderWeights

  init() throws {
    model = try PackedModel.open("qwen2-tiny-untied")
    weights = try ModelFile(path: PackedModel.path("qwen2-tiny-untied")).weights()
  }

  private func prompt(_ ids: [UInt32]) throws -> SecureBuffer<UInt32> {
    let tokens = try #require(SecureBuffer<UInt32>(capacity: ids.count))
    tokens.append(contentsOf: ids.span)
    return tokens
  }

  /// How a request ends on an engine whose reasoning marks are not of its model.
  private func ending(
    marks: ReasoningMarks, startsInReasoning: Bool = true,
    _ change: (inout GenerationOptions) -> Void
  ) throws -> (reason: FinishReason, failure: RunnerError?)? {
    let text = AnswerText(
      tokenizer: model.tokenizer, endTokens: Array(0..<512), marks: marks)
    let engine = try BatchEngine(
      weights: weights, text: text, contextLength: 256, blockCount: 4,
      options: EngineOptions(compute: ComputeOptions(threadCount: 2)))
    var options = GenerationOptions(maximumTokens: 4)
    change(&options)
    let request = engine.prepare(
      RequestPlan(
        prompt: try prompt([1, 2, 3]), options: options, startsInReasoning: startsInReasoning))
    try engine.submit(request)
    _ = request.events()
    // The engine is there for the next one.
    let next = engine.prepare(
      RequestPlan(prompt: try prompt([4, 5]), options: GenerationOptions(maximumTokens: 1)))
    try engine.submit(next)
    _ = next.events()
    #expect(next.ending?.reason != .error)
    return request.ending
  }

  @Test(arguments: [512, 513, 1 << 20, UInt32.max])
  func aForcedTokenBeyondTheLogitsEndsItsRequest(id: UInt32) throws {
    let forced = try ending(marks: ReasoningMarks(begin: 1, end: id)) {
      $0.maximumReasoningTokens = 0
    }
    #expect(forced?.reason == .error && forced?.failure == .unknownToken)
    let allowed = try ending(marks: ReasoningMarks(begin: 1, end: 511)) {
      $0.maximumReasoningTokens = 0
    }
    #expect(allowed?.reason == .stop || allowed?.reason == .length)
  }

  /// In the reasoning every id ends the answer here, and an end counts as the mark, which is beyond the logits.
  @Test func aReplacementBeyondTheLogitsEndsItsRequest() throws {
    let vocabulary = try GrammarVocabulary(model.tokenizer)
    let grammar = try Grammar(choices: [Array("yes".utf8)])
    let replaced = try ending(marks: ReasoningMarks(begin: 1, end: 70_000)) {
      $0.grammar = AnswerGrammar(grammar: grammar, vocabulary: vocabulary)
    }
    #expect(replaced?.reason == .error && replaced?.failure == .unknownToken)
  }

  /// A mask has a bit for each id of its own vocabulary: one of a smaller vocabulary is too short for the logits.
  @Test func aMaskOfAnotherVocabularyEndsItsRequest() throws {
    let json = #"""
      {"added_tokens": [], "model": {"type": "BPE", "vocab": {"y": 0, "e": 1, "s": 2}, "merges": []},
      "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false}, "decoder": {"type": "ByteLevel"}}
      """#
    let tables = try TokenizerTables.build(tokenizerJSON: Array(json.utf8))
    let small = try GrammarVocabulary(Tokenizer(ByteRegion(copying: tables.section)))
    let grammar = try Grammar(choices: [Array("yes".utf8)])
    let masked = try ending(
      marks: ReasoningMarks(begin: 1, end: 2), startsInReasoning: false
    ) {
      $0.grammar = AnswerGrammar(grammar: grammar, vocabulary: small)
    }
    #expect(masked?.reason == .error && masked?.failure == .unknownToken)
  }

  @Test func idsBeyondTheVocabularyHaveNoProbability() throws {
    let runner = try ModelRunner(
      weights: weights,
      options: RunnerOptions(compute: ComputeOptions(threadCount: 1), positionCount: 64))
    let sampler = try Sampler(runner: runner, idCount: runner.vocabularySize)
    let logits = [Float](repeating: 0.5, count: runner.vocabularySize)
    logits.withUnsafeBufferPointer { row in
      guard let base = row.baseAddress else { return }
      #expect(abs(sampler.logProbability(of: 511, logits: base) + 6.2383) < 1e-3)
      for id: UInt32 in [512, 1 << 24, .max] {
        #expect(sampler.logProbability(of: id, logits: base).isNaN)
      }
    }
  }
}

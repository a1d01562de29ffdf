// Answers that are held to a schema or to choices, and budgets of reasoning, with the demonstration model.

import Foundation
import TestSupport
import Testing
import Vial
import VialEngine
import VialFormat
import VialSystem
import VialText

@Suite struct StructuredAnswerTests {
  private let model: Model

  init() throws { model = try Model(path: Files.demo) }

  private static let schema = """
    {"type": "object", "required": ["name", "sure", "signs"], "properties": {
      "name": {"type": "string", "minLength": 3, "maxLength": 24},
      "sure": {"type": "integer", "minimum": 0, "maximum": 100},
      "signs": {"type": "array", "maxItems": 3, "items": {"enum": ["fever", "cough", "rash"]}},
      "note": {"type": ["null", "boolean"]}}}
    """

  private func options(_ engine: Engine, seed: UInt64, tokens: Int = 220) throws
    -> GenerationOptions
  {
    var options = GenerationOptions(
      maximumTokens: tokens, sampling: SamplingParameters(temperature: 1, seed: seed))
    options.maximumReasoningTokens = 8
    options.grammar = try engine.grammar(schema: Array(Self.schema.utf8))
    return options
  }

  private func prompt(_ text: String = "What is measles?") throws -> [UInt32] {
    let bytes = Array(text.utf8)
    let tokens = try model.chatTokens(user: bytes.span)
    return tokens.span.indices.map { tokens.span[$0] }
  }

  private func text(_ request: Request, _ part: AnswerPart = .answer) -> String {
    var bytes: [UInt8] = []
    request.forEachText(of: part) { text in for index in text.indices { bytes.append(text[index]) }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Checks by other means than the grammar.
  private func satisfies(_ text: String) throws -> Bool {
    let object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
    guard let object, let name = object["name"] as? String, let sure = object["sure"] as? Int,
      let signs = object["signs"] as? [String]
    else { return false }
    return (3...24).contains(name.unicodeScalars.count) && (0...100).contains(sure)
      && signs.count <= 3 && signs.allSatisfy { ["fever", "cough", "rash"].contains($0) }
      && Set(object.keys).isSubset(of: ["name", "sure", "signs", "note"])
      && (object["note"] == nil || object["note"] is NSNull || object["note"] is Bool)
  }

  /// Grammars that take all the work that masks may have, more of them than one step has work for: each waits its
  /// turn, and answers as it would alone.
  @Test func hostileGrammarsTakeTurns() throws {
    let prompt = try prompt()
    func options(_ engine: Engine, _ index: Int) throws -> GenerationOptions {
      var options = GenerationOptions(
        maximumTokens: 24, sampling: SamplingParameters(temperature: 1, seed: UInt64(index)))
      options.maximumReasoningTokens = 0
      options.grammar = try engine.grammar(
        schema: Array(#"{"type":"string","pattern":"^.*(a|e|i|o).{\#(200 + index)}$"}"#.utf8))
      return options
    }
    let together = try Engine(model: model, capacity: 8192)
    let requests = try (0..<6).map { index in
      try together.submit(prompt, options(together, index))
    }
    for (index, request) in requests.enumerated() {
      let tokens = request.finishedTokens()
      let alone = try Engine(model: model, capacity: 8192)
      #expect(try tokens == alone.tokens(prompt, options(alone, index)))
      #expect(request.ending?.reason == .budget)
    }
  }

  @Test func answersSatisfyTheirSchema() throws {
    let engine = try Engine(model: model, capacity: 16384)
    let requests = try (0..<24).map { seed in
      try engine.submit(prompt(), options(engine, seed: UInt64(seed)))
    }
    for request in requests {
      _ = request.finishedTokens()
      #expect(request.ending?.reason == .stop)
      #expect(try satisfies(text(request)), "\(text(request))")
      #expect(!text(request, .reasoning).isEmpty)
    }
    #expect(Set(requests.map { text($0) }).count > 12)
  }

  @Test func theBatchDoesNotMatter() throws {
    let alone = try Engine(model: model, capacity: 2048)
    let wanted = try alone.tokens(prompt(), options(alone, seed: 5))
    let engine = try Engine(model: model, capacity: 16384)
    // Neighbours with other grammars, and without one.
    var other = try options(engine, seed: 1)
    other.grammar = try engine.grammar(choices: ["yes", "no"].map { Array($0.utf8) })
    let plain = GenerationOptions(maximumTokens: 60, sampling: SamplingParameters(temperature: 1))
    let neighbours = try [
      engine.submit(prompt("x"), other), engine.submit(prompt("What is gout?"), plain),
    ]
    let request = try engine.submit(prompt(), options(engine, seed: 5))
    #expect(request.finishedTokens() == wanted)
    for neighbour in neighbours { _ = neighbour.finishedTokens() }
    // What is remembered from other answers does not matter either.
    #expect(try engine.tokens(prompt(), options(engine, seed: 5)) == wanted)
    #expect(["yes", "no"].contains(text(neighbours[0])))
  }

  @Test func aBudgetThatIsTooSmallIsNamed() throws {
    let engine = try Engine(model: model, capacity: 2048)
    for tokens in [1, 8, 12] {
      let request = try engine.submit(prompt(), options(engine, seed: 3, tokens: tokens))
      #expect(request.finishedTokens().count == tokens)
      #expect(request.ending?.reason == .budget)
    }
    var plain = GenerationOptions(maximumTokens: 4, sampling: SamplingParameters())
    plain.maximumReasoningTokens = 0
    let request = try engine.submit(prompt(), plain)
    _ = request.finishedTokens()
    #expect(request.ending?.reason == .length)
  }

  /// What the limit cuts says so, also when its text satisfies the schema: 123 may be the beginning of 1234.
  @Test func aTextThatCouldGoOnHasNotEnded() throws {
    let engine = try Engine(model: model, capacity: 2048)
    for (schema, limit) in [
      (#"{"type":"integer","minimum":100000000000}"#, 16), (#"{"type":"integer"}"#, 0),
    ] {
      var options = GenerationOptions(
        maximumTokens: limit, sampling: SamplingParameters(temperature: 1, seed: 2))
      options.maximumReasoningTokens = 0
      options.grammar = try engine.grammar(schema: Array(schema.utf8))
      // Nothing but digits: the end is barred, so that the limit comes first.
      options.rules.bannedTokens = model.file.configuration.eosTokens
      let request = try engine.submit(prompt(), options)
      _ = request.finishedTokens()
      #expect(request.ending?.reason == .budget)
    }
  }

  @Test func reasoningIsClosedWhenItsBudgetIsUsedUp() throws {
    let engine = try Engine(model: model, capacity: 2048)
    var options = GenerationOptions(maximumTokens: 60, sampling: SamplingParameters())
    let free = try engine.tokens(prompt(), options)
    let close = try #require(free.firstIndex { model.tokenizer.isAdded($0) })
    for budget in [0, 1, 3, close - 1] {
      options.maximumReasoningTokens = budget
      let tokens = try engine.tokens(prompt(), options)
      #expect(tokens[..<budget] == free[..<budget])
      #expect(tokens[budget] == free[close])
    }
    // A budget that is not used up changes nothing.
    options.maximumReasoningTokens = close
    #expect(try engine.tokens(prompt(), options) == free)
  }

  @Test func withheldReasoningLeavesNoTrace() throws {
    let engine = try Engine(model: model, capacity: 2048)
    var options = GenerationOptions(maximumTokens: 80, sampling: SamplingParameters())
    let open = try engine.submit(prompt(), options)
    let tokens = open.finishedTokens()
    options.withholdsReasoning = true
    let request = try engine.submit(prompt(), options)
    let events = request.events()
    #expect(events.allSatisfy { $0.part == .answer })
    #expect(text(request, .reasoning).isEmpty)
    #expect(text(request) == text(open))
    var kept: [UInt32] = []
    request.forEachToken { kept.append($0) }
    #expect(!kept.isEmpty && tokens.hasSuffix(kept) && kept.count < tokens.count)
  }

  @Test func aWithheldReasoningThatIsCutLeavesNoTraceEither() throws {
    let engine = try Engine(model: model, capacity: 2048)
    var options = GenerationOptions(maximumTokens: 3, sampling: SamplingParameters())
    options.withholdsReasoning = true
    let request = try engine.submit(prompt(), options)
    #expect(request.events().count == 1)
    #expect(text(request, .reasoning).isEmpty && text(request).isEmpty)
  }

  @Test func badSchemasAreRefusedAndTheEngineGoesOn() throws {
    let engine = try Engine(model: model, capacity: 2048)
    for schema in ["{", ##"{"$ref": "#"}"##, String(repeating: " ", count: 1 << 20)] {
      #expect(throws: VialError.self) { try engine.grammar(schema: Array(schema.utf8)) }
    }
    #expect(throws: VialError.self) { try engine.grammar(choices: []) }
    let options = GenerationOptions(maximumTokens: 4, sampling: SamplingParameters())
    #expect(try engine.tokens(prompt(), options).count == 4)
  }

  @Test func entropiesComeWhenAsked() throws {
    let engine = try Engine(model: model, capacity: 2048)
    var options = GenerationOptions(
      maximumTokens: 30, sampling: SamplingParameters(temperature: 1, seed: 2))
    let plain = try engine.submit(prompt(), options)
    let tokens = plain.finishedTokens()
    options.reportsEntropy = true
    options.alternativeCount = 20
    let request = try engine.submit(prompt(), options)
    let events = request.events().filter { if case .token = $0.kind { true } else { false } }
    #expect(events.map(\.token) == tokens)
    for event in events {
      #expect(event.entropy >= 0 && Double(event.entropy) < log(8192.0))
      // The likeliest tokens alone have no more.
      let part = event.alternatives.reduce(0.0) { sum, alternative in
        sum - exp(Double(alternative.logProbability)) * Double(alternative.logProbability)
      }
      #expect(Double(event.entropy) >= part - 1e-5)
    }
    var figures: [Float] = []
    plain.forEachFigure { figures.append($0.entropy) }
    #expect(figures.count == tokens.count && figures.allSatisfy(\.isNaN))
  }

  @Test func samplesOfOneSeedDiffer() throws {
    let engine = try Engine(model: model, capacity: 4096)
    var tokens: Set<[UInt32]> = []
    for index in 0..<4 {
      var options = GenerationOptions(
        maximumTokens: 20, sampling: SamplingParameters(temperature: 1.5))
      options.sampling.sampleIndex = UInt32(index)
      tokens.insert(try engine.tokens(prompt(), options))
    }
    #expect(tokens.count == 4)
  }
}

extension [UInt32] {
  fileprivate func hasSuffix(_ other: [UInt32]) -> Bool {
    count >= other.count && Array(self[(count - other.count)...]) == other
  }
}

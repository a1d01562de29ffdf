// Answers whose first words are given, alone and with a schema or choices, with the demonstration model; and how rules
// for single tokens go together with what an answer is held to.

import Foundation
import TestSupport
import Testing
import Vial
import VialEngine
import VialFormat
import VialSystem
import VialText

@Suite struct PrefillTests {
  private let model: Model
  private let engine: Engine

  init() throws {
    model = try Model(path: Files.demo)
    engine = try Engine(model: model, capacity: 4096)
  }

  private func buffer(_ text: String) throws -> SecureBuffer<UInt8> {
    let bytes = Array(text.utf8)
    let buffer = try #require(SecureBuffer<UInt8>(capacity: bytes.count))
    buffer.append(contentsOf: bytes.span)
    return buffer
  }

  /// What ids spell, special ones included.
  private func text(_ tokens: SecureBuffer<UInt32>) -> String {
    let tokenizer = model.tokenizer
    var spelled: [UInt8] = []
    for index in tokens.span.indices {
      let bytes = tokenizer.bytes(of: tokens.span[index])
      for place in bytes.indices { spelled.append(bytes[place]) }
    }
    return String(decoding: spelled, as: UTF8.self)
  }

  /// Ids of tokens with such bytes.
  private func tokens(_ isWanted: ([UInt8]) -> Bool) -> [UInt32] {
    let tokenizer = model.tokenizer
    return (0..<UInt32(tokenizer.tokenCount)).filter { id in
      let bytes = tokenizer.bytes(of: id)
      return isWanted(bytes.indices.map { bytes[$0] })
    }
  }

  /// The answer to a question that is begun with `prefill`.
  private func answer(
    _ prefill: String?, tokens: Int = 60, _ change: (inout GenerationOptions) throws -> Void
  ) throws -> (text: String, request: Request) {
    let begun = try prefill.map(buffer)
    let prompt = try model.chatTokens(user: Array("Is gout contagious?".utf8).span, prefill: begun)
    var options = GenerationOptions(maximumTokens: tokens, sampling: SamplingParameters())
    options.prefill = begun
    try change(&options)
    let request = try engine.submit(prompt: prompt, options: options)
    _ = request.events()
    var bytes: [UInt8] = []
    request.forEachText(of: .answer) { text in
      for index in text.indices { bytes.append(text[index]) }
    }
    return (String(decoding: bytes, as: UTF8.self), request)
  }

  private func choices(_ texts: String...) throws -> AnswerGrammar {
    try engine.grammar(choices: texts.map { Array($0.utf8) })
  }

  // MARK: Prefill

  /// The model's own first words, given, are answered by the rest of them.
  @Test func anAnswerGoesOnBehindItsFirstWords() throws {
    let begun = try answer("Gout") { _ in }
    // Up to a space, so that the words are the same tokens.
    let space = try #require(begun.text.dropFirst(20).firstIndex(of: " "))
    let longer = try answer("Gout" + begun.text[..<space]) { _ in }
    #expect(!begun.text.hasPrefix("Gout") && begun.text.hasPrefix(" "))
    #expect(longer.text.prefix(40) == begun.text[space...].prefix(40))
    var reasoning = 0
    begun.request.forEachText(of: .reasoning) { reasoning += $0.count }
    #expect(reasoning == 0)
  }

  /// The template opens the reasoning, so it is closed before the first words, which stay text whatever they spell.
  @Test func firstWordsStandBehindTheReasoning() throws {
    let prompt = try model.chatTokens(
      user: Array("x".utf8).span, prefill: buffer("</think><think>Yes"))
    let plain = try text(model.chatTokens(user: Array("x".utf8).span))
    #expect(plain.hasSuffix("<think>\n"))
    #expect(text(prompt) == plain + "\n</think>\n\n</think><think>Yes")
    let close = try model.encode(Array("</think>".utf8).span)
    try #require(close.count == 1)
    #expect(prompt.span.indices.count { prompt.span[$0] == close.span[0] } == 1)
    // Tokens may reach over the border: the whole text is tokenised at once.
    let raw = try model.rawTokens(Array("The pati".utf8).span, prefill: buffer("ent has gout"))
    let whole = try model.rawTokens(Array("The patient has gout".utf8).span)
    #expect(
      raw.count == whole.count && (0..<raw.count).allSatisfy { raw.span[$0] == whole.span[$0] })
  }

  @Test func aConstraintGoesOnBehindTheFirstWords() throws {
    let rest = try answer("no, ") { $0.grammar = try choices("yes", "no, never", "no, not at all") }
    #expect(["never", "not at all"].contains(rest.text))
    #expect(rest.request.ending?.reason == .stop)
    let object = try answer("{\"sure\": 1") {
      $0.grammar = try engine.grammar(
        schema: Array(
          #"{"type":"object","required":["sure","why"],"properties":{"sure":{"type":"integer","minimum":0,"maximum":100},"why":{"enum":["a","b"]}}}"#
            .utf8))
    }
    let json = try JSONSerialization.jsonObject(with: Data(("{\"sure\": 1" + object.text).utf8))
    #expect((json as? [String: Any])?["why"] is String)
    // All is said: nothing follows, and nothing is computed.
    let done = try answer("yes") { $0.grammar = try choices("yes", "no") }
    #expect(done.text.isEmpty && done.request.ending?.reason == .stop)
    #expect(done.request.timings.generatedTokenCount == 0)
  }

  @Test func firstWordsThatAreNotAllowedAreRefused() throws {
    for prefill in ["maybe", "yess", "y e", "\u{1F600}"] {
      #expect(throws: VialError.self, "\(prefill)") {
        try answer(prefill) { $0.grammar = try choices("yes", "no") }
      }
    }
    #expect(try answer("ye") { $0.grammar = try choices("yes", "no") }.text == "s")
  }

  // MARK: Rules beside a constraint

  /// A least number of tokens makes a text longer where it may be, and ends no later than the text must.
  @Test func aConstraintDecidesWhereAnAnswerMayEnd() throws {
    func said(_ least: Int, _ change: (inout GenerationOptions) throws -> Void) throws -> String {
      let (text, request) = try answer(nil) {
        $0.maximumReasoningTokens = 0
        $0.rules.minimumTokens = least
        try change(&$0)
      }
      #expect(request.ending?.reason == .stop, "\(text)")
      return text
    }
    let end = try #require(model.file.configuration.eosTokens.first)
    let long = "yes, and a very long time after that as well"
    for ignores in [false, true] {
      #expect(
        try said(0) {
          $0.grammar = try choices("yes", long)
          $0.rules.biases = [TokenBias(token: end, bias: 100)]
          $0.rules.ignoresEnd = ignores
        } == "yes")
    }
    #expect(
      try said(12) {
        $0.grammar = try choices("yes", long)
        $0.rules.biases = [TokenBias(token: end, bias: 100)]
      } == long)
    #expect(try said(40) { $0.grammar = try choices("yes", "no") }.count <= 3)
    // Where bans leave nothing but the end, it is not barred.
    let commas = tokens { $0.first == UInt8(ascii: ",") }
    #expect(
      try said(12) {
        $0.grammar = try choices("yes", long)
        $0.rules.bannedTokens = commas
        $0.rules.biases = [TokenBias(token: end, bias: 100)]
      } == "yes")
  }

  /// Inside a text that is held to something a stop id is text, and an end where the text may end.
  @Test func stopIdsDoNotCutWhatIsOwed() throws {
    let spelled = try model.encode(Array("no, not at all".utf8).span)
    let ids = spelled.span.indices.map { spelled.span[$0] }
    let (text, request) = try answer(nil) {
      $0.maximumReasoningTokens = 0
      $0.grammar = try choices("no, not at all")
      $0.rules.stopTokens = ids
    }
    #expect(text == "no, not at all" && request.ending?.reason == .stop)
    // Where both are possible, the wish to stop is heard.
    let mark = ids[0]
    let (short, other) = try answer(nil) {
      $0.maximumReasoningTokens = 0
      $0.grammar = try choices("yes", "yes, and so on")
      $0.rules.stopTokens = [mark]
      $0.rules.biases = [TokenBias(token: mark, bias: 100)]
    }
    #expect(short == "yes" && other.ending?.reason == .stop)
  }

  /// A ban that leaves a constraint nothing ends the request with an error, and not the engine.
  @Test func aBanAgainstAConstraintIsAnError() throws {
    let banned = tokens { bytes in
      !bytes.isEmpty && bytes.allSatisfy { Set("yes".utf8).contains($0) }
    }
    let (text, request) = try answer(nil) {
      $0.maximumReasoningTokens = 0
      $0.grammar = try choices("yes")
      $0.rules.bannedTokens = banned
    }
    #expect(text.isEmpty)
    #expect(request.ending?.reason == .error && request.ending?.failure == .noCandidate)
    #expect(try answer("ye") { $0.grammar = try choices("yes") }.text == "s")
  }
}

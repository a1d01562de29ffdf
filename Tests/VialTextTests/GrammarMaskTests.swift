// Masks against the definition: a token may come next when its bytes lead on.

import TestSupport
import Testing
import VialText

@Suite struct GrammarMaskTests {
  private let tokenizer: TestTokenizer
  private let vocabulary: GrammarVocabulary

  init() throws {
    tokenizer = try TestTokenizer(folder: Files.fixture("tokenizers/byte-nfc"))
    vocabulary = try GrammarVocabulary(tokenizer.tokenizer)
  }

  private static let schemas = [
    #"{"type": "string"}"#, #"{"type": "string", "minLength": 3, "maxLength": 12}"#,
    #"{"type": "string", "minLength": 60, "maxLength": 100}"#,
    #"{"type": "array", "items": {"type": "string", "maxLength": 40}, "maxItems": 3}"#,
    #"{"type": "string", "pattern": "^[a-z é]*$", "maxLength": 50}"#,
    #"{"type": "string", "pattern": "^[a-z é]*$", "minLength": 8, "maxLength": 12}"#,
    #"{"anyOf": [{"type": "string", "maxLength": 9}, {"enum": ["hello", "a\"b"]}, {"type": "number"}]}"#,
    #"{"type": "object", "properties": {"a": {"type": "string", "maxLength": 64}, "b": {"type": "integer", "multipleOf": 3}}}"#,
    "true",
  ]

  @Test(arguments: schemas) func masksAreTheDefinition(_ schema: String) throws {
    let grammar = try Grammar(schema: Array(schema.utf8))
    let automaton = GrammarAutomaton(grammar, vocabulary: vocabulary, endTokens: [])
    var state: UInt64 = 7
    func below(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    let source = tokenizer.tokenizer
    for _ in 0..<4 {
      var matcher = GrammarMatcher(automaton)
      for _ in 0..<40 {
        let mask = matcher.mask()
        var allowed: [UInt32] = []
        for id in 0..<UInt32(source.tokenCount) {
          let isAllowed = mask[Int(id) / 64] >> UInt64(id % 64) & 1 == 1
          if isAllowed { allowed.append(id) }
          let bytes = source.bytes(of: id)
          let isOffered =
            source.isPresent(id) && !source.isAdded(id) && !source.isSpecial(id)
            && (1...GrammarLimits.tokenByteCount).contains(bytes.count)
          var copy = matcher
          let leadsOn = isOffered && copy.advance(bytes)
          #expect(isAllowed == leadsOn, "\(schema), token \(id)")
        }
        guard !allowed.isEmpty else { break }
        let bytes = source.bytes(of: allowed[below(allowed.count)])
        let goesOn = matcher.advance(bytes)
        #expect(goesOn)
      }
      if matcher.mask().allSatisfy({ $0 == 0 }) { #expect(matcher.isComplete) }
    }
  }
}

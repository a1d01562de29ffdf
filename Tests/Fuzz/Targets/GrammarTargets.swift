// Targets for schemas and patterns of answers, and for the masks that they give.
import VialFormat
import VialPacking
import VialText

enum GrammarTargets {
  private static let tokenizer: Tokenizer = {
    guard let tables = try? TokenizerTables.build(tokenizerJSON: TinyTokenizer.byteLevel),
      let tokenizer = try? Tokenizer(ByteRegion(copying: tables.section))
    else { fatalError("the tiny tokenizer is not valid") }
    return tokenizer
  }()

  private static let vocabulary: GrammarVocabulary = {
    guard let vocabulary = try? GrammarVocabulary(tokenizer) else {
      fatalError("the tiny vocabulary is refused")
    }
    return vocabulary
  }()

  static func prepare() { _ = vocabulary }

  /// The schema ends at the first zero byte, which JSON does not have.
  static func schema(_ input: [UInt8]) {
    let end = input.firstIndex(of: 0) ?? input.count
    guard let grammar = try? Grammar(schema: Array(input[..<end])) else { return }
    let text = Array(input[min(input.count, end + 1)...])
    walk(grammar, choices: text)
    guard grammar.matches(text) else { return }
    do throws(JSONError) {
      _ = try JSONReader.parse(text)
    } catch {
      // A key that stands twice is still JSON to most readers.
      if !error.description.contains("twice") {
        fatalError("a text that is no JSON satisfies a schema")
      }
    }
  }

  /// Two bytes for the lengths, a pattern, and after a zero the choices of a walk.
  static func pattern(_ input: [UInt8]) {
    guard input.count > 2 else { return }
    let end = input[2...].firstIndex(of: 0) ?? input.count
    let pattern = Array(input[2..<end])
    guard String(validating: pattern, as: UTF8.self) != nil else { return }
    let text = JSONValue.string(JSONString(bytes: pattern)).compactText
    var schema = Array(#"{"type":"string","pattern":"#.utf8) + text
    if input[0] > 0 { schema += Array(",\"minLength\":\(Int(input[0]) * 3 - 2)".utf8) }
    if input[1] > 0 { schema += Array(",\"maxLength\":\(Int(input[1]) * 9)".utf8) }
    guard let grammar = try? Grammar(schema: schema + [0x7D]) else { return }
    walk(grammar, choices: Array(input[min(input.count, end + 1)...]))
  }

  /// Takes allowed tokens, chosen by the input. One that is allowed must lead on, unless so many alternatives were open
  /// that some were cut.
  private static func walk(_ grammar: Grammar, choices: [UInt8]) {
    let automaton = GrammarAutomaton(grammar, vocabulary: vocabulary, endTokens: [0])
    var matcher = GrammarMatcher(automaton)
    for step in 0..<12 {
      let mask = matcher.mask()
      let allowed = (1..<UInt32(tokenizer.tokenCount)).filter {
        mask[Int($0) / 64] >> UInt64($0 % 64) & 1 == 1
      }
      guard !allowed.isEmpty else { break }
      let choice = step < choices.count ? Int(choices[step]) : step * 7
      let source = tokenizer
      guard matcher.advance(source.bytes(of: allowed[choice % allowed.count])) else { break }
    }
  }
}

extension String {
  fileprivate init?(validating bytes: [UInt8], as encoding: UTF8.Type) {
    guard UTF8Text.firstInvalidOffset(bytes.span) == nil else { return nil }
    self.init(decoding: bytes, as: encoding)
  }
}

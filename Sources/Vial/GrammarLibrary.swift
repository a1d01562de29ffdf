// Owns: grammars that an engine's requests were held to, so that the same schema is compiled once.
// Must not: hold patient text: schemas and choices are the host's.

public import VialEngine
import VialSystem
import VialText

/// Compiled grammars and the prepared vocabulary of one engine. Any thread.
final class GrammarLibrary: Sendable {
  private struct State {
    var vocabulary: GrammarVocabulary?
    /// Those used last at the end.
    var known: [(key: [UInt8], grammar: Grammar)] = []
  }

  private let state = Guarded(State())
  private static let limit = 16

  /// The grammar of a key; made when it is not known.
  fileprivate func grammar(
    _ key: [UInt8], of model: Model, _ make: () throws(GrammarError) -> Grammar
  ) throws(VialError) -> AnswerGrammar {
    let vocabulary = try vocabulary(of: model)
    guard vocabulary.isComplete else {
      throw .grammar(.unsupported("tokens for single bytes, which the tokenizer lacks"))
    }
    if let known = find(key) { return AnswerGrammar(grammar: known, vocabulary: vocabulary) }
    let grammar: Grammar
    do throws(GrammarError) { grammar = try make() } catch { throw .grammar(error) }
    state.withLock { state in
      state.known.append((key, grammar))
      if state.known.count > Self.limit { state.known.removeFirst() }
    }
    return AnswerGrammar(grammar: grammar, vocabulary: vocabulary)
  }

  private func find(_ key: [UInt8]) -> Grammar? {
    state.withLock { state in
      guard let index = state.known.firstIndex(where: { $0.key == key }) else { return nil }
      let found = state.known.remove(at: index)
      state.known.append(found)
      return found.grammar
    }
  }

  /// The vocabulary, prepared once; a fraction of a second for 150,000 tokens.
  private func vocabulary(of model: Model) throws(VialError) -> GrammarVocabulary {
    var failure: GrammarError?
    let vocabulary = state.withLock { state -> GrammarVocabulary? in
      if let vocabulary = state.vocabulary { return vocabulary }
      do throws(GrammarError) {
        state.vocabulary = try GrammarVocabulary(model.tokenizer)
      } catch { failure = error }
      return state.vocabulary
    }
    guard let vocabulary else { throw .grammar(failure ?? .tooLarge("the file's vocabulary")) }
    return vocabulary
  }
}

extension Engine {
  /// What holds an answer to a JSON schema (Spec/TEMPLATES.md, "Schemas").
  public func grammar(schema: [UInt8]) throws(VialError) -> AnswerGrammar {
    try grammars.grammar([0x73] + schema, of: model) { () throws(GrammarError) in
      try Grammar(schema: schema)
    }
  }

  /// What holds an answer to one of several texts.
  public func grammar(choices: [[UInt8]]) throws(VialError) -> AnswerGrammar {
    // Lengths keep different lists apart.
    let key = choices.reduce(into: [UInt8(0x63)]) { key, choice in
      key += Array("\(choice.count):".utf8) + choice
    }
    return try grammars.grammar(key, of: model) { () throws(GrammarError) in
      try Grammar(choices: choices)
    }
  }
}

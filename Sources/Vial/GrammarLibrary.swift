// Owns: grammars that an engine's requests were held to, so that the same schema is compiled once
// for each tenant.
// Must not: keep a schema or a choice, which are the host's but may tell about patients: they are
// found by keyed hashes.

public import VialEngine
import VialFormat
import VialSystem
import VialText

/// Compiled grammars and the prepared vocabulary of one engine. Any thread.
final class GrammarLibrary: Sendable {
  private struct State {
    var vocabulary: GrammarVocabulary?
    /// Those used last at the end.
    var known: [(tenant: KeyedCode, key: KeyedCode, grammar: Grammar)] = []
  }

  private let state = Locked(State())
  private let hash: KeyedHash
  private static let limit = 64

  /// nil when memory is short.
  init?() {
    guard let hash = KeyedHash() else { return nil }
    self.hash = hash
  }

  /// The grammar of a text; made when its tenant has none of it. Another tenant's is not found:
  /// that it is there could be told by the time that compiling takes.
  /// - Parameter tenant: nil: it is made, and not kept.
  fileprivate func grammar(
    _ text: [UInt8], tenant label: [UInt8]?, of model: Model,
    _ make: () throws(GrammarError) -> Grammar
  ) throws(VialError) -> AnswerGrammar {
    let tenant = label.map { hash.code($0) }
    let key = tenant.map { hash.code(text, after: $0) }
    let vocabulary = try vocabulary(of: model)
    guard vocabulary.isComplete else {
      throw .grammar(.unsupported("tokens for single bytes, which the tokenizer lacks"))
    }
    if let key, let known = find(key) {
      return AnswerGrammar(grammar: known, vocabulary: vocabulary)
    }
    guard MemoryReserve.hold(MemoryReserve.schema) else { throw .outOfMemory }
    defer { MemoryReserve.release(MemoryReserve.schema) }
    let grammar = try Self.made(make)
    guard let tenant, let key else {
      return AnswerGrammar(grammar: grammar, vocabulary: vocabulary)
    }
    state.withLock { state in
      state.known.append((tenant, key, grammar))
      if state.known.count > Self.limit { state.known.removeFirst() }
    }
    return AnswerGrammar(grammar: grammar, vocabulary: vocabulary)
  }

  /// Compiles on a thread of its own: schemas and patterns nest, and the caller's stack is the
  /// host's.
  private static func made(
    _ make: () throws(GrammarError) -> Grammar
  ) throws(VialError) -> Grammar {
    var made: Result<Grammar, GrammarError>?
    let isDone = SystemThread.perform {
      do throws(GrammarError) { made = .success(try make()) } catch { made = .failure(error) }
    }
    guard isDone, let made else { throw .outOfMemory }
    do throws(GrammarError) { return try made.get() } catch { throw .grammar(error) }
  }

  /// Forgets a tenant's grammars; requests that are held to one keep it.
  func forget(_ label: [UInt8]) {
    let tenant = hash.code(label)
    state.withLock { state in state.known.removeAll { $0.tenant == tenant } }
  }

  private func find(_ key: KeyedCode) -> Grammar? {
    state.withLock { state in
      guard let index = state.known.firstIndex(where: { $0.key == key }) else { return nil }
      let found = state.known.remove(at: index)
      state.known.append(found)
      return found.grammar
    }
  }

  /// The vocabulary, prepared once; a fraction of a second for 150,000 tokens.
  private func vocabulary(of model: Model) throws(VialError) -> GrammarVocabulary {
    var failure: VialError?
    let vocabulary = state.withLock { state -> GrammarVocabulary? in
      if let vocabulary = state.vocabulary { return vocabulary }
      do throws(VialError) {
        state.vocabulary = try Self.prepared(model.tokenizer)
      } catch { failure = error }
      return state.vocabulary
    }
    guard let vocabulary else { throw failure ?? .outOfMemory }
    return vocabulary
  }

  /// Bytes that preparing takes for each token (its place in two lists, which were copied as they
  /// grew) and for each of their bytes (a node in two tries, likewise).
  private static let tokenByteCount = 160
  private static let nodeByteCount = 48

  private static func prepared(_ tokenizer: Tokenizer) throws(VialError) -> GrammarVocabulary {
    let held =
      tokenByteCount * tokenizer.tokenCount
      + nodeByteCount * tokenizer.byteCount(ofTokensUpTo: GrammarLimits.tokenByteCount)
    guard MemoryReserve.hold(held) else { throw .outOfMemory }
    defer { MemoryReserve.release(held) }
    do throws(GrammarError) { return try GrammarVocabulary(tokenizer) } catch {
      throw .grammar(error)
    }
  }
}

extension Engine {
  /// What holds an answer to a JSON schema (Spec/TEMPLATES.md, "Schemas").
  /// - Parameters:
  ///   - schema: UTF-8 of the schema.
  ///   - tenant: whose requests find it compiled the next time; nil: nobody's do.
  public func grammar(
    schema: [UInt8], tenant: [UInt8]? = []
  ) throws(VialError) -> AnswerGrammar {
    try grammars.grammar([0x73] + schema, tenant: tenant, of: model) { () throws(GrammarError) in
      try Grammar(schema: schema)
    }
  }

  /// What holds an answer to one of several texts.
  /// - Parameters:
  ///   - choices: UTF-8 of each text.
  ///   - tenant: whose requests find it compiled the next time; nil: nobody's do.
  public func grammar(
    choices: [[UInt8]], tenant: [UInt8]? = []
  ) throws(VialError) -> AnswerGrammar {
    // Lengths keep different lists apart.
    let key = choices.reduce(into: [UInt8(0x63)]) { key, choice in
      key += Array("\(choice.count):".utf8) + choice
    }
    return try grammars.grammar(key, tenant: tenant, of: model) { () throws(GrammarError) in
      try Grammar(choices: choices)
    }
  }
}

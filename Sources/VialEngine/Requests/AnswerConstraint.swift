// Owns: the constraints on an answer while it is generated: a grammar, and a budget of reasoning.
// Must not: choose or know logits.
// Source: Spec/ARITHMETIC.md, rule 16.

package import VialSystem
public import VialText

/// A grammar with the vocabulary that it is held against.
public struct AnswerGrammar: Sendable {
  package let grammar: Grammar
  let vocabulary: GrammarVocabulary

  /// The vocabulary is that of the engine's tokenizer.
  public init(grammar: Grammar, vocabulary: GrammarVocabulary) {
    (self.grammar, self.vocabulary) = (grammar, vocabulary)
  }

  /// Formats that the schema names and that answers are not held to, in the order of their names,
  /// at most 16.
  public var unkeptFormats: [String] { grammar.unkeptFormats }
}

/// LRU cache of grammars' automata, by tenant. An automaton remembers the states that answers
/// reached, which makes later answers faster. That is why tenants share none. The engine's thread
/// owns it.
package final class GrammarAutomata: @unchecked Sendable {
  private var known: [(tenant: KeyedCode, grammar: Grammar, automaton: GrammarAutomaton)] = []
  /// Automata in the cache, with some megabytes each.
  private static let limit = 8

  package init() {}

  /// The automaton of a grammar; what it remembers makes later answers of the same tenant cheaper.
  /// - Parameter tenant: nil: a new one, which nobody else gets.
  package func automaton(
    for answer: AnswerGrammar, tenant: KeyedCode?, endTokens: [UInt32]
  ) -> GrammarAutomaton {
    func made() -> GrammarAutomaton {
      GrammarAutomaton(answer.grammar, vocabulary: answer.vocabulary, endTokens: endTokens)
    }
    guard let tenant else { return made() }
    let index = known.firstIndex { $0.grammar === answer.grammar && $0.tenant == tenant }
    if let index {
      let found = known.remove(at: index)
      known.append(found)
      return found.automaton
    }
    let automaton = made()
    known.append((tenant, answer.grammar, automaton))
    if known.count > Self.limit { known.removeFirst() }
    return automaton
  }

  /// Forgets a tenant's.
  package func forget(_ tenant: KeyedCode) { known.removeAll { $0.tenant == tenant } }
}

/// Where one answer stands.
struct AnswerConstraint {
  private var matcher: GrammarMatcher?
  private let tokenizer: Tokenizer
  private let marks: ReasoningMarks?
  /// Ids that end the answer: the model's, unless they are ignored, and the request's.
  let endTokens: [UInt32]
  private let stopTokens: [UInt32]
  private let reasoningLimit: Int?
  private var isReasoning: Bool
  private var reasoningCount = 0

  /// - Parameter tenant: whose answers may know where this one came to, unless the request is
  ///   private.
  init(_ plan: RequestPlan, _ text: AnswerText, tenant: KeyedCode) {
    matcher = plan.options.grammar.map {
      GrammarMatcher(
        text.automata.automaton(
          for: $0, tenant: !plan.options.isPrivate ? tenant : nil, endTokens: text.endTokens))
    }
    tokenizer = text.tokenizer
    marks = text.marks
    let ignoresEnd = plan.options.rules.ignoresEnd && plan.options.grammar == nil
    stopTokens = plan.options.rules.stopTokens
    endTokens = (ignoresEnd ? [] : text.endTokens) + stopTokens
    reasoningLimit = plan.options.maximumReasoningTokens
    isReasoning = plan.startsInReasoning
    if let prefill = plan.options.prefill { _ = matcher?.advance(prefill.span) }
  }

  /// Whether the next token must keep to a grammar.
  var needsMask: Bool { matcher != nil && !isReasoning }

  /// Nodes of the grammar that the last call of `limits` took.
  var maskCost: Int { needsMask ? matcher?.maskCost ?? 0 : 0 }

  /// What the next token must keep to.
  func limits() -> TokenLimits {
    TokenLimits(
      forcedToken: forcedToken, mask: isReasoning ? nil : mask, endTokens: endTokens,
      endReplacement: isReasoning && matcher != nil ? marks?.end : nil)
  }

  /// What the grammar allows, the request's own end tokens where the text may end.
  private var mask: [UInt64]? {
    guard let matcher else { return nil }
    var mask = matcher.mask()
    guard !stopTokens.isEmpty, matcher.isComplete else { return mask }
    for id in stopTokens where Int(id) < mask.count * 64 {
      mask[Int(id) / 64] |= 1 << UInt64(id % 64)
    }
    return mask
  }

  /// Whether the answer ends with this id: inside a text that is held to a grammar stop ids are
  /// text.
  func isEnd(_ token: UInt32) -> Bool {
    endTokens.contains(token) && (matcher?.isComplete ?? true)
  }

  private var forcedToken: UInt32? {
    guard isReasoning, let reasoningLimit, reasoningCount >= reasoningLimit else { return nil }
    return marks?.end
  }

  /// Takes the id that was chosen.
  mutating func accept(_ token: UInt32) {
    if let marks, token == marks.begin || token == marks.end {
      isReasoning = token == marks.begin
    } else if isReasoning {
      reasoningCount += 1
    } else {
      let source = tokenizer
      let bytes = source.bytes(of: token)
      _ = matcher?.advance(bytes)
    }
  }

  /// Whether the grammar allows nothing more.
  var isOver: Bool { !isReasoning && matcher?.isOver == true }

  /// Whether there is a grammar, and it allows more: a number that may have more digits has not
  /// ended by itself.
  var isOpen: Bool { matcher != nil && !isOver }
}

/// What one token must keep to: all that the choice needs, so that any thread may make it.
struct TokenLimits: Sendable {
  /// The id that comes next whatever the logits, when the budget of reasoning is used up.
  let forcedToken: UInt32?
  /// A bit for each id that the grammar allows; nil: all are.
  let mask: [UInt64]?
  fileprivate let endTokens: [UInt32]
  fileprivate let endReplacement: UInt32?

  /// Limits with all that they may consist of.
  init(forcedToken: UInt32?, mask: [UInt64]?, endTokens: [UInt32], endReplacement: UInt32?) {
    self.forcedToken = forcedToken
    self.mask = mask
    self.endTokens = endTokens
    self.endReplacement = endReplacement
  }

  /// Ids that may come out whatever the logits: they index a row of logits as others do.
  var ids: [UInt32] { [forcedToken, endReplacement].compactMap { $0 } }

  /// What a chosen id counts as: the model cannot end the whole answer in its reasoning while a
  /// grammar waits.
  func replacement(for token: UInt32) -> UInt32 {
    guard let endReplacement, endTokens.contains(token) else { return token }
    return endReplacement
  }
}

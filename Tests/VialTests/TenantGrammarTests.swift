// What grammars remember of one tenant's answers, and that nobody else gets it.

import TestSupport
import Testing
import Vial
import VialEngine
import VialSystem
import VialText

@Suite struct TenantGrammarTests {
  private let model: Model

  init() throws { model = try Model(path: Files.demo) }

  private static let schema = Array(#"{"enum": ["yes", "no", "unclear"]}"#.utf8)

  @Test func compiledSchemasAreTheirTenants() throws {
    let engine = try Engine(model: model)
    defer { engine.close() }
    let (a, b) = (Array("clinic A".utf8), Array("clinic B".utf8))
    let first = try engine.grammar(schema: Self.schema, tenant: a)
    let second = try engine.grammar(schema: Self.schema, tenant: a)
    #expect(first.grammar === second.grammar)
    let other = try engine.grammar(schema: Self.schema, tenant: b)
    #expect(first.grammar !== other.grammar)
    // Private ones are neither kept nor found.
    let alone = try engine.grammar(schema: Self.schema, tenant: nil)
    let again = try engine.grammar(schema: Self.schema, tenant: nil)
    #expect(alone.grammar !== first.grammar && alone.grammar !== again.grammar)
    engine.forgetTenant(a)
    let later = try engine.grammar(schema: Self.schema, tenant: a)
    #expect(later.grammar !== first.grammar)
    let kept = try engine.grammar(schema: Self.schema, tenant: b)
    #expect(kept.grammar === other.grammar)
  }

  @Test func automataAreTheirTenants() throws {
    let engine = try Engine(model: model)
    defer { engine.close() }
    let grammar = try engine.grammar(schema: Self.schema)
    let hash = try #require(KeyedHash())
    let (a, b) = (hash.code(Array("clinic A".utf8)), hash.code(Array("clinic B".utf8)))
    let automata = GrammarAutomata()
    let own = automata.automaton(for: grammar, tenant: a, endTokens: [])
    #expect(automata.automaton(for: grammar, tenant: a, endTokens: []) === own)
    let other = automata.automaton(for: grammar, tenant: b, endTokens: [])
    #expect(other !== own)
    let alone = automata.automaton(for: grammar, tenant: nil, endTokens: [])
    #expect(alone !== own && alone !== other)
    #expect(automata.automaton(for: grammar, tenant: nil, endTokens: []) !== alone)
    automata.forget(a)
    #expect(automata.automaton(for: grammar, tenant: a, endTokens: []) !== own)
    #expect(automata.automaton(for: grammar, tenant: b, endTokens: []) === other)
  }
}

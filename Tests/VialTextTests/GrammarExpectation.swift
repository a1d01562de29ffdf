// What a schema lets through, and what it does not.

import Testing
import VialText

/// Compiles a schema and tries texts on it.
func expectSchema(
  _ schema: String, takes good: [String], refuses bad: [String],
  _ location: SourceLocation = #_sourceLocation
) throws {
  let grammar = try Grammar(schema: Array(schema.utf8))
  for text in good {
    #expect(grammar.matches(Array(text.utf8)), "\(text)", sourceLocation: location)
  }
  for text in bad {
    #expect(!grammar.matches(Array(text.utf8)), "\(text)", sourceLocation: location)
  }
}

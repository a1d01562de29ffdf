// Owns: the flags that say what an answer may be: a schema, choices, a budget of reasoning.
// Must not: compile schemas.

import ArgumentParser
import Vial
import VialEngine
import VialSystem
import VialText

/// --schema, --choices, --max-reasoning-tokens, --hide-reasoning.
struct AnswerArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Hold the answer to the JSON schema in this file (default: the template's, if it has one).",
      valueName: "path"))
  var schema: String?

  @Flag(help: "Leave the template's schema aside.")
  var noSchema = false

  @Option(
    help: ArgumentHelp(
      "Hold the answer to one of these texts, 1 to \(GrammarLimits.valueCount), with | between them.",
      valueName: "yes|no|maybe"))
  var choices: String?

  @Option(
    parsing: .unconditional,
    help: """
      Most tokens of the reasoning, after which it is closed; 0: none (default: the template's, else no limit).
      """)
  var maxReasoningTokens: Int?

  @Flag(help: "Keep the reasoning back.")
  var hideReasoning = false

  /// The texts of --choices.
  var choiceTexts: [[UInt8]]? { choices.map(Self.texts) }

  /// What stands between bars; a text that holds one cannot be given here.
  private static func texts(_ choices: String) -> [[UInt8]] {
    choices.utf8.split(separator: 0x7C, omittingEmptySubsequences: false).map { Array($0) }
  }

  /// Refuses values that are out of range.
  func check() throws {
    if [schema != nil, choices != nil, noSchema].count(where: { $0 }) > 1 {
      throw ValidationError("give at most one of --schema, --no-schema and --choices")
    }
    if choiceTexts?.contains([]) == true {
      throw ValidationError("--choices has an empty choice")
    }
    if let maxReasoningTokens, maxReasoningTokens < 0 {
      throw ValidationError("--max-reasoning-tokens must not be negative")
    }
  }

  /// What was asked for, else what the template says.
  func apply(
    to options: inout GenerationOptions, _ template: PromptTemplate?, _ engine: Engine
  ) throws {
    options.maximumReasoningTokens = maxReasoningTokens ?? template?.maximumReasoningTokens
    options.withholdsReasoning = hideReasoning
    if let texts = choiceTexts {
      options.grammar = try engine.grammar(choices: texts)
    } else if let schema {
      let text = try FileReader(path: schema).readAll(limit: 1 << 24)
      options.grammar = try engine.grammar(schema: text)
    } else if let schema = template?.schema, !noSchema {
      options.grammar = try engine.grammar(schema: Array(schema.utf8))
    }
    for warning in UnkeptFormats.warnings(options.grammar?.unkeptFormats ?? []) {
      StandardError.write(warning)
    }
  }
}

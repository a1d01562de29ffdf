// Asks a model by its prompt templates, with values of their variables' types, and by their schemas.
// Owns: the values, and the count of calls that came through.
import Vial
import VialEngine
import VialSystem
import VialText

/// What became of calls by template.
public struct TemplateUse: Sendable, Equatable {
  /// Templates that were rendered with values.
  public private(set) var renderCount = 0
  /// Those whose rendering became token ids.
  public private(set) var renderedCount = 0
  /// Schemas of templates that were compiled.
  public private(set) var schemaCount = 0
  /// Those that became a grammar for this vocabulary.
  public private(set) var compiledCount = 0
  /// Answers that ended as requests by template do.
  public private(set) var answerCount = 0

  mutating func run(_ model: Model, _ engine: Engine) {
    for index in 0..<min(model.promptTemplateCount, 4) {
      renderCount += 1
      guard let template = (try? model.promptTemplate(at: index)).flatMap({ $0 }) else { continue }
      var grammar: AnswerGrammar?
      if let schema = template.schema {
        schemaCount += 1
        grammar = try? engine.grammar(schema: Array(schema.utf8))
        if grammar != nil { compiledCount += 1 }
      }
      guard let tokens = Self.tokens(of: template, in: model) else { continue }
      renderedCount += 1
      var options = GenerationOptions(maximumTokens: 6, sampling: model.sampling(of: template))
      options.maximumReasoningTokens = template.maximumReasoningTokens
      options.grammar = grammar
      if let stops = StopList(template) { options.stops = stops }
      guard let request = try? engine.submit(prompt: tokens, options: options) else { continue }
      while case .event(_) = request.nextEvent() {}
      if request.ending.map({ $0.reason != .error }) ?? false { answerCount += 1 }
    }
  }

  private static func tokens(
    of template: PromptTemplate, in model: Model
  ) -> SecureBuffer<UInt32>? {
    guard let values = TemplateValues(byteCount: 1 << 16) else { return nil }
    for variable in template.variables where variable.isRequired {
      let value = Array(Self.value(variable).utf8)
      values.append(name: Array(variable.name.utf8).span, value: value.span)
    }
    guard let messages = try? values.render(template) else { return nil }
    return try? model.tokens(of: messages)
  }

  /// A value that fits.
  static func value(_ variable: PromptVariable) -> String {
    switch variable.kind {
    case .text, .list: return "pain {{a}}"
    case .choice: return variable.choices.first ?? ""
    case .date: return "2024-02-29"
    case .integer, .number: return "3" + (variable.units.first.map { " " + $0 } ?? "")
    }
  }
}

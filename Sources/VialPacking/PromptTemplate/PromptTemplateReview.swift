// Owns: what a template may hold and should not: mistakes that real models and records have shown;
// `vial template check` reports them.
// Must not: refuse a template; files of others keep working.

import VialText

/// A mistake in a template that is well-formed.
public enum PromptTemplateFinding: Sendable, Equatable, CustomStringConvertible {
  /// Answers are held to a schema, and no message says that they are JSON.
  case neverSaysJSON
  /// A field of the answer is named in no message.
  case fieldIsNotNamed(String)
  /// A text or a list stands where its value can write headings and orders.
  case outsideAFence(variable: String)
  /// A range holds for several units, or for a number that has none.
  case rangeWithoutUnit(variable: String)

  /// Whether the template is wrong; else it might be better.
  public var isError: Bool {
    if case .fieldIsNotNamed = self { false } else { true }
  }

  /// One sentence.
  public var description: String {
    switch self {
    case .neverSaysJSON:
      "answers are held to a schema, and neither '# system' nor '# user' says JSON"
    case .fieldIsNotNamed(let name):
      "answers have a field '\(name)' that neither '# system' nor '# user' names"
    case .outsideAFence(let variable):
      "variable \(variable) stands outside of a fence: its value can write headings and orders "
        + "('format: 2' has fences)"
    case .rangeWithoutUnit(let variable):
      "the range of \(variable) has no unit: what is right in one unit is wrong in another"
    }
  }
}

extension PromptTemplateFile {
  /// What is wrong with the template although a reader takes it, in the order of the file.
  public var findings: [PromptTemplateFinding] {
    var findings: [PromptTemplateFinding] = []
    for variable in template.variables
    where variable.ranges.contains(where: { $0.unit == nil }) && variable.units.count != 1 {
      findings.append(.rangeWithoutUnit(variable: variable.name))
    }
    return findings + fenceFindings + schemaFindings
  }

  /// Version 2 refuses such templates by R-528.
  private var fenceFindings: [PromptTemplateFinding] {
    guard template.formatVersion == .plain else { return [] }
    let used = template.parts.reduce(into: Set<Int>()) { $0.formUnion($1.text.variables) }
    return used.sorted().map { template.variables[$0] }
      .filter { $0.kind == .text || $0.kind == .list }
      .map { .outsideAFence(variable: $0.name) }
  }

  private var schemaFindings: [PromptTemplateFinding] {
    guard let schema = template.schema else { return [] }
    let words = template.parts.map(\.text.source)
    func says(_ word: String) -> Bool { words.contains { $0.contains(word) } }
    guard says("JSON") || says("json") else { return [.neverSaysJSON] }
    guard let value = try? JSONReader.parse(Array(schema.utf8)) else { return [] }
    var names: [String] = []
    Self.collectProperties(value, &names)
    return names.filter { !says($0) }.map { .fieldIsNotNamed($0) }
  }

  /// Names of all properties of a schema, once each. JSON is at most 64 levels deep.
  private static func collectProperties(_ value: JSONValue, _ names: inout [String]) {
    for item in value.array ?? [] { collectProperties(item, &names) }
    for member in value.object?.members ?? [] {
      if member.key == "properties" {
        for property in member.value.object?.members ?? [] where !names.contains(property.key.text)
        {
          names.append(property.key.text)
        }
      }
      collectProperties(member.value, &names)
    }
  }
}

extension PromptTemplate {
  /// The parts with variables, by their headings in a template file.
  var parts: [(heading: String, text: PromptText)] {
    let parts = [
      ("# system", system), ("# red flags", redFlags), ("# when you do not know", unknown),
      ("# user", text),
    ]
    return parts.compactMap { part in part.1.map { (part.0, $0) } }
  }
}

// Owns: a prompt template as text for people and as JSON.
// Must not: render a template.

import VialFormat
import VialText

/// Shows one prompt template.
struct TemplateDescription {
  let template: PromptTemplate

  /// The front matter, the parts as they were written; standard output spells out their controls.
  func text() -> String {
    var table = TextTable([.left, .left])
    table.add(["id", template.id])
    table.add(["version", template.version])
    table.add(["format", "\(template.formatVersion.rawValue)"])
    table.add(["task", template.task])
    table.add(["language", template.language])
    if let title = template.title { table.add(["title", title]) }
    if let note = template.note { table.add(["note", note]) }
    for (name, value) in sampling { table.add([name, value]) }
    for stop in template.stops { table.add(["stop", stop]) }
    var text = table.text(indent: 0) + "\n" + variables().text(indent: 0)
    for (heading, part) in parts {
      text += "\n# \(heading)\n" + part + "\n"
    }
    return text
  }

  private var parts: [(heading: String, text: String)] {
    let parts = [
      ("system", template.system?.source), ("red flags", template.redFlags?.source),
      ("when you do not know", template.unknown?.source), ("user", template.text.source),
      ("schema", template.schema),
    ]
    return parts.compactMap { part in part.1.map { (part.0, $0) } }
  }

  private var sampling: [(String, String)] {
    let values: [(String, (any CustomStringConvertible)?)] = [
      ("temperature", template.sampling.temperature), ("top_k", template.sampling.topK),
      ("top_p", template.sampling.topP), ("min_p", template.sampling.minP),
      ("repetition_penalty", template.sampling.repetitionPenalty),
      ("max_tokens", template.maximumTokens),
      ("max_reasoning_tokens", template.maximumReasoningTokens),
    ]
    return values.compactMap { value in value.1.map { (value.0, $0.description) } }
  }

  private func variables() -> TextTable {
    var table = TextTable(
      [.left, .left, .left, .left], header: ["variable", "type", "required", "takes"])
    for variable in template.variables {
      table.add([
        variable.name, variable.kind.rawValue, variable.isRequired ? "yes" : "no",
        Self.limits(variable, template.variables),
      ])
    }
    return table
  }

  /// What values a variable takes, in a few words.
  private static func limits(_ variable: PromptVariable, _ variables: [PromptVariable]) -> String {
    var words: [String] = []
    if variable.byteLimit > 0 { words.append("at most \(variable.byteLimit) bytes") }
    if variable.itemLimit > 0 { words.append("\(variable.itemLimit) items") }
    words += variable.ranges.map(\.source)
    func spellings(_ names: [String]) -> [String] {
      names.map { name in
        let aliases = variable.aliases.filter { $0.name == name }.map(\.alias)
        return ([name] + aliases).joined(separator: " = ")
      }
    }
    if !variable.units.isEmpty {
      words.append(spellings(variable.units).joined(separator: ", "))
    }
    if !variable.choices.isEmpty {
      words.append(spellings(variable.choices).joined(separator: " | "))
    }
    if let other = variable.earlierDate { words.append("not before \(variables[other].name)") }
    if !variable.fallback.isEmpty { words.append("else \"\(variable.fallback)\"") }
    if !variable.note.isEmpty { words.append(variable.note) }
    return words.joined(separator: "; ")
  }

  /// One object and a line end.
  func json() -> String {
    var json = JSONOutput()
    json.object { members(&$0) }
    return json.text + "\n"
  }

  /// The object's members.
  func members(_ json: inout JSONOutput) {
    for (key, value) in [
      ("id", template.id), ("version", template.version), ("task", template.task),
      ("language", template.language),
    ] { json.member(key, value) }
    json.member("format", Int(template.formatVersion.rawValue))
    if let title = template.title { json.member("title", title) }
    if let note = template.note { json.member("note", note) }
    for (key, part) in [
      ("system", template.system?.source), ("red_flags", template.redFlags?.source),
      ("unknown", template.unknown?.source), ("text", template.text.source),
      ("schema", template.schema),
    ] {
      if let part { json.member(key, part) }
    }
    if let value = template.sampling.temperature { json.member("temperature", value) }
    if let value = template.sampling.topK { json.member("top_k", value) }
    if let value = template.sampling.topP { json.member("top_p", value) }
    if let value = template.sampling.minP { json.member("min_p", value) }
    if let value = template.sampling.repetitionPenalty { json.member("repetition_penalty", value) }
    if let value = template.maximumTokens { json.member("max_tokens", value) }
    if let value = template.maximumReasoningTokens { json.member("max_reasoning_tokens", value) }
    json.key("variables")
    json.array { json in
      for variable in template.variables {
        json.object { Self.members(variable, template.variables, &$0) }
      }
    }
  }

  private static func members(
    _ variable: PromptVariable, _ variables: [PromptVariable], _ json: inout JSONOutput
  ) {
    json.member("name", variable.name)
    json.member("type", variable.kind.rawValue)
    json.member("required", variable.isRequired)
    if variable.byteLimit > 0 { json.member("limit", variable.byteLimit) }
    if variable.itemLimit > 0 { json.member("items", variable.itemLimit) }
    if !variable.ranges.isEmpty {
      json.member("range", variable.ranges.map(\.source).joined(separator: ", "))
    }
    for (key, list) in [("units", variable.units), ("choices", variable.choices)]
    where !list.isEmpty {
      json.key(key)
      json.array { json in for item in list { json.value(item) } }
    }
    if !variable.aliases.isEmpty {
      json.key("aliases")
      json.object { json in
        for alias in variable.aliases { json.member(alias.alias, alias.name) }
      }
    }
    if let other = variable.earlierDate { json.member("not_before", variables[other].name) }
    if !variable.fallback.isEmpty { json.member("default", variable.fallback) }
    if !variable.note.isEmpty { json.member("note", variable.note) }
  }
}

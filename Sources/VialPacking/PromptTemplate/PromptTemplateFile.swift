// Owns: a prompt template as people write it, a text file with a front matter, and its grammar;
// turned into a section of key–values.
// Must not: accept what a reader of the section would refuse.
// Source: Spec/TEMPLATES.md, "Template files".

import VialFormat
public import VialText

/// A template that was read from a text and checked.
public struct PromptTemplateFile: Sendable {
  /// The template.
  public let template: PromptTemplate
  /// The payload of its section.
  public let section: [UInt8]

  /// Id of its section in a file.
  public var sectionID: UInt64 { PromptTemplate.sectionID(of: template.id) }

  /// Parses a template file.
  /// - Parameter name: what the file is called in messages.
  /// - Throws: what is wrong, with the number of the line.
  public init(_ bytes: [UInt8], name: String) throws(PackingError) {
    let shown = PackingError.printable(name)
    guard bytes.count <= Self.byteLimit else {
      throw PackingError("\(shown): longer than \(Self.byteLimit) bytes")
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw PackingError("\(shown): not UTF-8")
    }
    let source = try PromptTemplateSource(text, name: shown)
    let values = try source.values()
    do throws(FormatError) {
      section = try values.build()
      template = try PromptTemplate(ByteRegion(copying: section))
    } catch { throw PackingError("\(shown): R-\(error.rule): \(error.message)") }
    try check(source, shown)
  }

  /// What a reader takes and an author did not mean.
  private func check(_ source: PromptTemplateSource, _ name: String) throws(PackingError) {
    let used = template.parts.reduce(into: Set<Int>()) { $0.formUnion($1.text.variables) }
    if let index = template.variables.indices.first(where: { !used.contains($0) }) {
      throw PackingError("\(name): variable \(template.variables[index].name) stands nowhere")
    }
    if let schema = template.schema {
      do throws(GrammarError) {
        _ = try Grammar(schema: Array(schema.utf8))
      } catch { throw PackingError("\(name): \(error)") }
    }
  }

  /// Longest template file.
  static let byteLimit = 1 << 18
}

/// The lines of a template file by what they mean.
struct PromptTemplateSource {
  /// A key with its value, and where it stands.
  struct Field {
    let key: String
    let value: String
    let line: Int
  }

  private let name: String
  private var fields: [Field] = []
  private var variables: [(name: String, fields: [Field])] = []
  private var parts: [String: String] = [:]

  /// Headings of the parts, and the keys that they become.
  private static let headings = [
    "# system": "system", "# red flags": "clause.red_flags",
    "# when you do not know": "clause.unknown", "# user": "text", "# schema": "schema",
  ]
  private static let keys: Set<String> = [
    "format", "id", "version", "task", "language", "title", "note", "temperature", "top_p", "top_k",
    "min_p", "repetition_penalty", "max_tokens", "max_reasoning_tokens", "stop", "variable",
  ]
  private static let variableKeys: Set<String> = [
    "type", "required", "limit", "items", "units", "range", "choices", "default", "note",
    "not_before",
  ]

  init(_ text: String, name: String) throws(PackingError) {
    self.name = name
    // By bytes: to Swift, carriage return and line feed are one character.
    let lines = text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false).map { line in
      Substring(line.last == 0x0D ? line.dropLast() : line)
    }
    guard lines.first == "---" else { throw error(1, "must begin with a line of three dashes") }
    guard let end = lines.dropFirst().firstIndex(of: "---") else {
      throw error(1, "the front matter has no end, a line of three dashes")
    }
    for number in 1..<end { try readField(lines[number], number + 1) }
    try readParts(lines, from: end + 1)
  }

  private func error(_ line: Int, _ what: String) -> PackingError {
    PackingError("\(name), line \(line): \(what)")
  }

  private mutating func readField(_ line: Substring, _ number: Int) throws(PackingError) {
    let isIndented = line.first == " "
    let content = line.trimmed
    if content.isEmpty || content.first == "#" { return }
    guard let colon = content.firstIndex(of: ":") else { throw error(number, "no 'key: value'") }
    let field = Field(
      key: String(content[..<colon].trimmed),
      value: String(content[content.index(after: colon)...].trimmed), line: number)
    let shown = PackingError.printable(field.key)
    if isIndented {
      guard !variables.isEmpty else { throw error(number, "'\(shown)' belongs to no variable") }
      guard Self.variableKeys.contains(field.key) else {
        throw error(number, "a variable has no '\(shown)'")
      }
      let last = variables.count - 1
      guard !variables[last].fields.contains(where: { $0.key == field.key }) else {
        throw error(number, "'\(shown)' stands twice")
      }
      variables[last].fields.append(field)
      return
    }
    guard Self.keys.contains(field.key) else { throw error(number, "unknown key '\(shown)'") }
    if field.key == "variable" {
      guard PromptVariable.isName(field.value) else {
        throw error(number, "a variable's name has letters a to z, digits and underscores")
      }
      return variables.append((field.value, []))
    }
    guard field.key == "stop" || !fields.contains(where: { $0.key == field.key }) else {
      throw error(number, "'\(shown)' stands twice")
    }
    fields.append(field)
  }

  private mutating func readParts(
    _ lines: [Substring], from start: Int
  ) throws(PackingError) {
    var key: String?
    var content: [Substring] = []
    func finish() -> String {
      var content = content[...]
      while content.first?.trimmed.isEmpty == true { content.removeFirst() }
      while content.last?.trimmed.isEmpty == true { content.removeLast() }
      return content.joined(separator: "\n")
    }
    for number in start..<max(start, lines.count) {
      let line = lines[number]
      if let heading = Self.headings[String(line)] {
        if let key { parts[key] = finish() }
        guard parts[heading] == nil else { throw error(number + 1, "'\(line)' stands twice") }
        (key, content) = (heading, [])
      } else if key != nil {
        content.append(line)
      } else if !line.trimmed.isEmpty {
        throw error(number + 1, "text before the first of: \(Self.headings.keys.sorted())")
      }
    }
    if let key { parts[key] = finish() }
    guard parts["text"] != nil else { throw error(lines.count, "there is no '# user'") }
  }

  // MARK: As key-values

  /// The section's key-values, unchecked but for the spelling of numbers.
  func values() throws(PackingError) -> KeyValueBuilder {
    var builder = KeyValueBuilder()
    let version = try formatVersion()
    for field in fields where field.key != "stop" {
      switch field.key {
      case "format": builder["format"] = .unsigned(version.rawValue)
      case "temperature", "top_p", "min_p", "repetition_penalty":
        builder["sampling." + field.key] = .float(try number(field))
      case "top_k": builder["sampling.top_k"] = .unsigned(try count(field))
      case "max_tokens", "max_reasoning_tokens": builder[field.key] = .unsigned(try count(field))
      default: builder[field.key] = .text(field.value)
      }
    }
    let stops = fields.filter { $0.key == "stop" }.map(\.value)
    if !stops.isEmpty { builder["stop"] = .textArray(stops) }
    for (key, text) in parts {
      builder[key == "text" ? PromptTemplate.textKey(version) : key] = .text(text)
    }
    builder["variable.names"] = .textArray(variables.map(\.name))
    try addColumns(&builder, version)
    return builder
  }

  /// The version of the format that the file is written in; 1 when it is silent.
  private func formatVersion() throws(PackingError) -> PromptTemplate.FormatVersion {
    guard let field = fields.first(where: { $0.key == "format" }) else { return .plain }
    guard let version = PromptTemplate.FormatVersion(rawValue: try count(field)) else {
      throw error(field.line, "'format' must be 1 or 2")
    }
    return version
  }

  private func addColumns(
    _ builder: inout KeyValueBuilder, _ version: PromptTemplate.FormatVersion
  ) throws(PackingError) {
    builder["variable.types"] = .textArray(column("type", default: "text"))
    var (limits, items, required): ([UInt64], [UInt64], [UInt64]) = ([], [], [])
    for variable in variables {
      let kind = PromptVariable.Kind(rawValue: variable.fields.value("type") ?? "text")
      limits.append(
        try count(variable, "limit", default: kind == .text || kind == .list ? 4000 : 0))
      items.append(try count(variable, "items", default: kind == .list ? 64 : 0))
      required.append(try truth(variable, "required") ? 1 : 0)
    }
    builder["variable.limits"] = .unsignedArray(limits)
    builder["variable.required"] = .unsignedArray(required)
    builder["variable.items"] = items.contains { $0 != 0 } ? .unsignedArray(items) : nil
    var texts: [(key: String, column: [String])] = [
      ("ranges", column("range")), ("units", column("units").map { Self.lines($0, ",") }),
      ("choices", column("choices").map { Self.lines($0, "|") }), ("defaults", column("default")),
      ("notes", column("note")), ("not_before", column("not_before")),
    ]
    if version == .quoted {
      let units = column("units").map { Self.spellings($0, ",") }
      let choices = column("choices").map { Self.spellings($0, "|") }
      texts[0].column = column("range").map { Self.lines($0, ",") }
      texts[1].column = units.map(\.names)
      texts[2].column = choices.map(\.names)
      texts.append(("aliases", zip(units, choices).map { $0.aliases + $1.aliases }))
    }
    for (key, column) in texts where column.contains(where: { !$0.isEmpty }) {
      builder["variable." + key] = .textArray(column)
    }
    for variable in variables where version == .plain {
      if let field = variable.fields.first(where: { $0.key == "not_before" }) {
        throw error(field.line, "'not_before' needs 'format: 2'")
      }
    }
  }

  /// `name = alias = alias` between separators: the names, one a line, and a line of alias, tab and
  /// name for each alias.
  private static func spellings(
    _ value: String, _ separator: Character
  ) -> (names: String, aliases: String) {
    var (names, aliases): ([String], [String]) = ([], [])
    for part in value.split(separator: separator) {
      let spellings = part.split(separator: "=", omittingEmptySubsequences: false).map {
        String($0.trimmed)
      }
      names.append(spellings[0])
      aliases += spellings.dropFirst().map { $0 + "\t" + spellings[0] }
    }
    return (names.joined(separator: "\n"), aliases.joined(separator: "\n"))
  }

  private func column(_ key: String, default fallback: String = "") -> [String] {
    variables.map { variable in variable.fields.value(key) ?? fallback }
  }

  private static func lines(_ value: String, _ separator: Character) -> String {
    value.split(separator: separator).map { String($0.trimmed) }.joined(separator: "\n")
  }

  private func number(_ field: Field) throws(PackingError) -> Double {
    guard let value = Double(field.value), value.isFinite else {
      throw error(field.line, "'\(field.key)' must be a number")
    }
    return value
  }

  private func count(_ field: Field) throws(PackingError) -> UInt64 {
    guard let value = UInt64(field.value) else {
      throw error(field.line, "'\(field.key)' must be a whole number")
    }
    return value
  }

  private func count(
    _ variable: (name: String, fields: [Field]), _ key: String, default fallback: UInt64
  ) throws(PackingError) -> UInt64 {
    guard let field = variable.fields.first(where: { $0.key == key }) else { return fallback }
    return try count(field)
  }

  private func truth(
    _ variable: (name: String, fields: [Field]), _ key: String
  ) throws(PackingError) -> Bool {
    guard let field = variable.fields.first(where: { $0.key == key }) else { return false }
    guard ["yes", "no"].contains(field.value) else {
      throw error(field.line, "'\(key)' must be yes or no")
    }
    return field.value == "yes"
  }
}

extension [PromptTemplateSource.Field] {
  fileprivate func value(_ key: String) -> String? { first { $0.key == key }?.value }
}

extension Substring {
  /// Without spaces and tabs at both ends.
  fileprivate var trimmed: Substring {
    var text = self
    while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
    while let last = text.last, last == " " || last == "\t" { text.removeLast() }
    return text
  }
}

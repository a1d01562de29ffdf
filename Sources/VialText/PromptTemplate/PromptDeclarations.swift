// Owns: a template's variables as JSON, for programs that build a form from them.
// Must not: see a value.

extension PromptTemplate {
  /// A JSON array with an object for each variable, in order: `name`, `type`, `required`, and where
  /// they are stated `limit`, `items`, `ranges` (`low..high`, perhaps with a unit), `units`,
  /// `choices`, `aliases` (alias: unit or choice), `not_before`, `default`, `note`. O(its bytes).
  public var declarations: [UInt8] {
    JSONValue.array(variables.map(declaration)).compactText
  }

  private func declaration(_ variable: PromptVariable) -> JSONValue {
    var members: [JSONObject.Member] = []
    func add(_ key: String, _ value: JSONValue, _ isStated: Bool = true) {
      if isStated { members.append(JSONObject.Member(key: JSONString(key), value: value)) }
    }
    func texts(_ texts: [String]) -> JSONValue { .array(texts.map(Self.text)) }
    add("name", Self.text(variable.name))
    add("type", Self.text(variable.kind.rawValue))
    add("required", .bool(variable.isRequired))
    add("limit", .integer(Int64(variable.byteLimit)), variable.byteLimit > 0)
    add("items", .integer(Int64(variable.itemLimit)), variable.itemLimit > 0)
    add("ranges", texts(variable.ranges.map(\.source)), !variable.ranges.isEmpty)
    add("units", texts(variable.units), !variable.units.isEmpty)
    add("choices", texts(variable.choices), !variable.choices.isEmpty)
    let aliases = variable.aliases.map {
      JSONObject.Member(key: JSONString($0.alias), value: Self.text($0.name))
    }
    add("aliases", .object(JSONObject(members: aliases, index: [:])), !aliases.isEmpty)
    if let other = variable.earlierDate { add("not_before", Self.text(variables[other].name)) }
    add("default", Self.text(variable.fallback), !variable.fallback.isEmpty)
    add("note", Self.text(variable.note), !variable.note.isEmpty)
    return .object(JSONObject(members: members, index: [:]))
  }

  private static func text(_ text: String) -> JSONValue { .string(JSONString(text)) }
}

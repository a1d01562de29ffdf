// Owns: typed access to the keys of a prompt template: a missing key or a wrong type is an error
// with a rule.
// Must not: see a value of a variable.
// Source: Spec/TEMPLATES.md, "Prompt templates".

internal import VialFormat

/// Reads keys of a prompt template by type.
struct PromptFields {
  static let context: StaticString = "prompt template"
  private let table: KeyValueTable

  init(_ table: KeyValueTable) { self.table = table }

  /// An error at the entry of `key`, or at the start when there is none.
  func error(rule: Int, _ key: String, _ message: StaticString) -> FormatError {
    // Entries of 32 bytes follow a header of 32 bytes.
    FormatError(
      rule: rule, offset: UInt64(table.index(of: key).map { 32 + 32 * $0 } ?? 0),
      context: Self.context, message)
  }

  /// Throws `rule` at `key` unless `condition` holds.
  func expect(
    _ condition: Bool, rule: Int, _ key: String, _ message: StaticString
  ) throws(FormatError) {
    guard condition else { throw error(rule: rule, key, message) }
  }

  /// The version of the format; 1 when the template is silent.
  func version() throws(FormatError) -> PromptTemplate.FormatVersion {
    guard let value = table["format"] else { return .plain }
    guard case .unsigned(let number) = value else { throw missing("format") }
    guard let version = PromptTemplate.FormatVersion(rawValue: number) else {
      throw error(rule: 528, "format", "the version of a prompt template's format is not known")
    }
    return version
  }

  private func missing(_ key: String) -> FormatError {
    error(rule: 520, key, "a required key is missing or has the wrong type")
  }

  /// A text that must be there, of so many bytes.
  func text(_ key: String, _ length: ClosedRange<Int>, rule: Int) throws(FormatError) -> String {
    guard case .text(let text)? = table[key] else { throw missing(key) }
    try expect(length.contains(text.utf8.count), rule: rule, key, "a text is too short or too long")
    return text
  }

  /// A text of at most `limit` bytes, or nil.
  func optionalText(_ key: String, _ limit: Int) throws(FormatError) -> String? {
    guard let value = table[key] else { return nil }
    guard case .text(let text) = value else { throw missing(key) }
    try expect(text.utf8.count <= limit, rule: 522, key, "a text is too long")
    return text
  }

  /// A text with variables, or nil.
  func promptText(
    _ key: String, _ names: [String], _ limit: Int
  ) throws(FormatError) -> PromptText? {
    guard let source = try optionalText(key, limit) else { return nil }
    guard let text = PromptText(source, names: names) else {
      throw error(rule: 525, key, "two braces begin neither a declared variable nor four braces")
    }
    return text
  }

  func texts(_ key: String) throws(FormatError) -> [String] {
    guard case .textArray(let texts)? = table[key] else { throw missing(key) }
    return texts
  }

  func numbers(_ key: String) throws(FormatError) -> [UInt64] {
    guard case .unsignedArray(let numbers)? = table[key] else { throw missing(key) }
    return numbers
  }

  /// The texts of a key; `count` empty ones when there is none.
  func optionalTexts(_ key: String, count: Int) throws(FormatError) -> [String] {
    table[key] == nil ? [String](repeating: "", count: count) : try texts(key)
  }

  /// The numbers of a key; `count` zeros when there is none.
  func optionalNumbers(_ key: String, count: Int) throws(FormatError) -> [UInt64] {
    table[key] == nil ? [UInt64](repeating: 0, count: count) : try numbers(key)
  }

  /// A number of tokens, or nil.
  func count(_ key: String, from least: UInt64) throws(FormatError) -> Int? {
    guard let value = table[key] else { return nil }
    guard case .unsigned(let number) = value else { throw missing(key) }
    try expect(
      (least...PromptLimits.tokenCount).contains(number), rule: 526, key,
      "a number of tokens is out of range")
    return Int(number)
  }

  /// The sampling values, of the same types and ranges as in the configuration.
  func sampling() throws(FormatError) -> ModelConfiguration.SamplingDefaults {
    var topK: UInt64?
    if let value = table["sampling.top_k"] {
      guard case .unsigned(let number) = value, number <= FormatLimits.vocabularySize else {
        throw error(rule: 526, "sampling.top_k", "a sampling parameter is out of range")
      }
      topK = number
    }
    return ModelConfiguration.SamplingDefaults(
      temperature: try float("sampling.temperature", 0...100),
      topP: try float("sampling.top_p", 0...1), minP: try float("sampling.min_p", 0...1),
      repetitionPenalty: try float("sampling.repetition_penalty", 0.01...100), topK: topK)
  }

  private func float(
    _ key: String, _ range: ClosedRange<Double>
  ) throws(FormatError) -> Double? {
    guard let value = table[key] else { return nil }
    guard case .float(let number) = value, range.contains(number) else {
      throw error(rule: 526, key, "a sampling parameter is out of range")
    }
    return number
  }

  /// The stop strings.
  func stops() throws(FormatError) -> [String] {
    guard table.index(of: "stop") != nil else { return [] }
    let stops = try texts("stop")
    try expect(
      stops.count <= StopStrings.maxCount
        && stops.allSatisfy { (1...StopStrings.maxByteCount).contains($0.utf8.count) }, rule: 526,
      "stop", "stop strings are too many, empty or too long")
    return stops
  }
}

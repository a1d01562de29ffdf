// Owns: a prompt template of a file, read and checked: rules and the format's
// version (R-528 is `PromptFences`').
// Must not: hold a patient's text, or render (`PromptRenderer` does).
// Source: Spec/TEMPLATES.md, "Prompt templates".

public import VialFormat

/// A task's prompt with its variables, clauses and defaults. Immutable and shareable.
public struct PromptTemplate: Sendable {
  /// How values are read and stand in the text.
  public enum FormatVersion: UInt64, Sendable {
    /// Values stand in the text as they are.
    case plain = 1
    /// Texts and lists are quoted in fences; numbers and dates are read as FHIR writes them.
    case quoted = 2
  }

  /// Version of the format that the template is written in.
  public let formatVersion: FormatVersion
  /// How the template is asked for.
  public let id: String
  /// For people; a changed text has a changed version.
  public let version: String
  /// One of `tasks`.
  public let task: String
  /// BCP 47.
  public let language: String
  /// For people.
  public let title: String?
  /// For people.
  public let note: String?
  /// The system message without its clauses; nil when there is none.
  public let system: PromptText?
  /// When the answer must send the patient to somebody; ends the system message.
  public let redFlags: PromptText?
  /// What to say when the answer is not known; ends the system message.
  public let unknown: PromptText?
  /// The user's message.
  public let text: PromptText
  /// In the order of their declaration.
  public let variables: [PromptVariable]
  /// What stands in front of the file's own sampling defaults.
  public let sampling: ModelConfiguration.SamplingDefaults
  /// Most tokens of the answer; nil when the template is silent.
  public let maximumTokens: Int?
  /// Most tokens of the reasoning; nil when the template is silent.
  public let maximumReasoningTokens: Int?
  /// Texts that end the answer.
  public let stops: [String]
  /// The JSON schema that an answer must satisfy.
  public let schema: String?

  /// The task categories of the format.
  public static let tasks = [
    "symptoms", "diagnosis", "prescription", "laboratory", "imaging", "summary", "extraction",
    "triage", "education", "planning", "question", "calculation", "other",
  ]

  /// Reads and checks a section's payload. O(bytes).
  /// - Parameter section: id of the section that the payload lies in; nil outside a file.
  /// - Throws.
  public init(_ payload: ByteRegion, section: UInt64? = nil) throws(FormatError) {
    let table = try KeyValueTable(payload, context: PromptFields.context)
    let fields = PromptFields(table)
    formatVersion = try fields.version()
    id = try fields.text("id", 1...64, rule: 521)
    version = try fields.text("version", 1...32, rule: 521)
    task = try fields.text("task", 1...64, rule: 521)
    language = try fields.text("language", 2...35, rule: 521)
    try fields.expect(Self.isIdentifier(id), rule: 521, "id", "an id has other letters")
    try fields.expect(
      Self.tasks.contains(task), rule: 521, "task", "a task is not one of the list")
    try fields.expect(
      language.utf8.allSatisfy(Self.isLanguageByte), rule: 521, "language",
      "a language is not spelled as a tag")
    title = try fields.optionalText("title", PromptLimits.noteByteCount)
    note = try fields.optionalText("note", PromptLimits.noteByteCount)
    schema = try fields.optionalText("schema", PromptLimits.textByteCount)
    let names = try fields.texts("variable.names")
    variables = try PromptVariable.list(fields, names, formatVersion)
    system = try fields.promptText("system", names, PromptLimits.textByteCount)
    redFlags = try fields.promptText("clause.red_flags", names, PromptLimits.clauseByteCount)
    unknown = try fields.promptText("clause.unknown", names, PromptLimits.clauseByteCount)
    let key = Self.textKey(formatVersion)
    guard let text = try fields.promptText(key, names, PromptLimits.textByteCount) else {
      throw fields.error(rule: 520, key, "a required key is missing or has the wrong type")
    }
    self.text = text
    sampling = try fields.sampling()
    maximumTokens = try fields.count("max_tokens", from: 1)
    maximumReasoningTokens = try fields.count("max_reasoning_tokens", from: 0)
    stops = try fields.stops()
    if formatVersion == .quoted {
      let isQuoted = variables.map { $0.kind == .text || $0.kind == .list }
      try fields.checkFences(key, text, isQuoted)
      for (key, part) in [
        ("system", system), ("clause.red_flags", redFlags), ("clause.unknown", unknown),
      ] {
        if let part { try fields.checkNoQuote(key, part, isQuoted) }
      }
    }
    if let section {
      try fields.expect(
        section == Self.sectionID(of: id), rule: 527, "id",
        "a prompt template lies in the section of another id")
    }
  }

  /// Key of the user's message. Version 2 has one of its own, so that readers which know version 1
  /// only refuse the template instead of rendering it without its fences.
  public static func textKey(_ version: FormatVersion) -> String {
    version == .plain ? "text" : "user"
  }

  /// Id of the section that the template with this id lies in: the first eight bytes of the id's
  /// SHA-256.
  public static func sectionID(of id: String) -> UInt64 {
    let bytes = Array(id.utf8)
    var number: UInt64 = 0
    for (index, byte) in SHA256.hash(bytes.rawSpan).bytes.prefix(8).enumerated() {
      number |= UInt64(byte) << UInt64(index * 8)
    }
    return number
  }

  /// Whether `text` consists of the letters of an id.
  public static func isIdentifier(_ text: String) -> Bool {
    !text.isEmpty
      && text.utf8.allSatisfy {
        (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || [0x2E, 0x5F, 0x2D].contains($0)
      }
  }

  private static func isLanguageByte(_ byte: UInt8) -> Bool {
    (0x61...0x7A).contains(byte) || (0x41...0x5A).contains(byte) || (0x30...0x39).contains(byte)
      || byte == 0x2D
  }

  /// The parts of the system message, in order.
  var systemParts: [PromptText] { [system, redFlags, unknown].compactMap { $0 } }
}

/// What a prompt template may have at most (Spec/TEMPLATES.md).
public enum PromptLimits {
  /// Bytes of the system message, of the user's message and of the schema.
  public static let textByteCount = 65_536
  /// Bytes of both messages, values included.
  public static let renderedByteCount = 1 << 24
  /// Bytes of a clause.
  public static let clauseByteCount = 4096
  /// Bytes of title, note and a variable's note or default.
  public static let noteByteCount = 1024
  /// Variables.
  public static let variableCount = 64
  /// Bytes of a variable's value.
  public static let valueByteCount: UInt64 = 1 << 20
  /// Items of a list.
  public static let itemCount: UInt64 = 1024
  /// Choices of a variable.
  public static let choiceCount = 256
  /// Units of a variable.
  public static let unitCount = 32
  /// Aliases of a variable.
  public static let aliasCount = 512
  /// Bytes of the name of a fence.
  public static let fenceByteCount = 32
  /// Bytes of a choice.
  public static let choiceByteCount = 256
  /// Bytes of a unit.
  public static let unitByteCount = 32
  /// Tokens of an answer or of reasoning.
  public static let tokenCount: UInt64 = 1 << 24
}

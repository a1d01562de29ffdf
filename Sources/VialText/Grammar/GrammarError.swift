// Owns: why an answer cannot be held to a schema or to choices.
// Must not: carry text of the schema.

/// A schema or a list of choices that cannot be compiled.
public enum GrammarError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The schema is not JSON, or not as this reader takes it, for the reason given.
  case notJSON(offset: Int, StaticString)
  /// The schema has a keyword, or a form of it, that is not compiled.
  case unsupported(StaticString)
  /// No value satisfies the schema, of those that answers may have.
  case contradictory(StaticString)
  /// The schema exceeds a limit.
  case tooLarge(StaticString)
  /// The list of choices, or one of them, for the reason given.
  case choices(StaticString)

  /// One sentence.
  public var description: String {
    switch self {
    case .notJSON(let offset, let why): "the schema cannot be read: byte \(offset): \(why)"
    case .unsupported(let what): "the schema needs what is not supported: \(what)"
    case .contradictory(let what): "nothing that is offered satisfies the schema: \(what)"
    case .tooLarge(let what): "the schema is too large: \(what)"
    case .choices(let why): "the choices cannot be used: \(why)"
    }
  }

  public static func == (left: GrammarError, right: GrammarError) -> Bool {
    left.description == right.description
  }
}

/// What a schema may need at most (Spec/TEMPLATES.md, "Schemas").
public enum GrammarLimits {
  /// Steps of work that compiling may take, in all attempts: a node, a member, a character or a few
  /// bytes each.
  public static let work = 1 << 23
  /// Bytes of memory that compiling may take, what is dropped on the way included.
  public static let memoryByteCount = 64 << 20
  /// Memory of a prepared vocabulary beyond `memoryByteCount`, in multiples of its tables'.
  static let vocabularyFactor = 6
  /// Bytes of a schema.
  public static let schemaByteCount = 1 << 18
  /// Nodes of the automaton.
  public static let nodeCount = 65_536
  /// Nesting of schemas, references followed.
  public static let depth = 32
  /// Properties of an object.
  public static let propertyCount = 512
  /// Values of an enum, or choices.
  public static let valueCount = 1024
  /// Bytes of a choice, or of a value of an enum.
  public static let valueByteCount = 1024
  /// Characters of a pattern's repetition.
  public static let repetition = 256
  /// Characters of a pattern with lengths or beside another one, repetitions written out.
  static let positionCount = 1024
  /// Calls of rules inside of each other that an answer may have, or more where its schema asks for
  /// them.
  static let callDepth = 48
  /// Schemas that are put together from several.
  static let combinationCount = 4096
  /// Schemas that are put together, or held against each other, inside of each other.
  static let combinationDepth = 128
  /// Longest string whose length is counted.
  public static let stringLength = 1 << 24
  /// Characters of a key that a schema does not name.
  static let keyLength = 64
  /// Entries of an array or an object that are counted.
  static let entryCount = 1 << 24
  /// Bytes of a token that is offered.
  public static let tokenByteCount = 32
  /// Threads of a state: alternatives that are open at once.
  static let threadCount = 320
  /// Calls of rules that are remembered: of an answer, or of an automaton.
  static let frameCount = 1 << 16
  /// States that are remembered, with a KiB of transitions each.
  static let stateCount = 4096
  /// Nodes that are met behind one byte.
  static let closureCount = 8192
  /// Nodes that one mask may take, some ten milliseconds: thirty times as many as any of ten
  /// thousand public schemas.
  public static let maskWork = 250_000
  /// Nodes after which a step of an engine leaves further masks to the next one.
  public static let stepWork = 500_000
  /// Masks that are remembered.
  static let maskCount = 512
  /// Bytes of masks, and of states, that are remembered.
  static let automatonByteCount = 8 << 20
}

// Owns: what an answer is held to: a JSON schema, or one of several texts.
// Must not: know models or sampling.

/// A compiled grammar. Immutable and shareable.
public final class Grammar: Sendable {
  let program: GrammarProgram
  /// Formats that the schema names and that answers are not held to, in the order of their names.
  public let unkeptFormats: [String]

  /// The JSON texts that satisfy a schema. O(n) in the automaton, which is bounded.
  public init(schema text: [UInt8]) throws(GrammarError) {
    let compiled = try SchemaCompiler.compile(text)
    program = compiled.program
    unkeptFormats = compiled.unkeptFormats.sorted()
  }

  /// Exactly one of these texts.
  public init(choices: [[UInt8]]) throws(GrammarError) {
    guard !choices.isEmpty else { throw .choices("there are none") }
    guard choices.count <= GrammarLimits.valueCount else {
      throw .choices("there are more than 1024")
    }
    for choice in choices {
      guard !choice.isEmpty else { throw .choices("one is empty") }
      guard choice.count <= GrammarLimits.valueByteCount else {
        throw .choices("one has more than 1024 bytes")
      }
    }
    var program = GrammarProgram(
      budget: WorkBudget(work: GrammarLimits.work, byteCount: GrammarLimits.memoryByteCount))
    let end = try program.add(.accept)
    program.start = try program.literals(choices, end)
    try program.finish()
    self.program = program
    unkeptFormats = []
  }

  /// Whether a text satisfies the grammar.
  public func matches(_ text: [UInt8]) -> Bool {
    var runner = GrammarRunner(program)
    var threads = runner.initial()
    for byte in text {
      threads = runner.step(threads, byte)
      if threads.isEmpty { return false }
    }
    return runner.isAccepting(threads)
  }
}

/// A vocabulary prepared for grammars: shared by all grammars of a model. Takes a fraction of a
/// second for 150,000 tokens.
public struct GrammarVocabulary: Sendable {
  let tries: TokenTries

  /// O(n log n) in the vocabulary. Throws `tooLarge` when its tables say the same bytes so often
  /// that the memory would be many times theirs.
  public init(_ tokenizer: Tokenizer) throws(GrammarError) { tries = try TokenTries(tokenizer) }

  /// Whether every text can be spelled; without it an answer could get stuck.
  public var isComplete: Bool { tries.hasAllBytes }
}

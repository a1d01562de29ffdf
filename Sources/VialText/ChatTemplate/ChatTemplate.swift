// Owns: a compiled chat template, opened and checked: rules.
// Must not: run a program that was not checked here, or need more than the limits of
// Spec/TEMPLATES.md.

public import VialFormat

/// The chat template of a file: a bounded program over messages. Immutable and shareable.
public struct ChatTemplate: Sendable {
  let instructions: ByteColumn<UInt64>
  let literals: ByteColumn<UInt32>
  let pool: ByteColumn<UInt8>
  let slotCount: Int
  /// `TemplateBuiltins.bytes`.
  let builtins: ByteColumn<UInt8>

  /// Opens and checks a program of at most 4096 instructions. Throws.
  public init(_ section: ByteRegion) throws(FormatError) {
    typealias Field = TemplateLayout.Field
    let fields = try FieldReader(
      section, byteCount: TemplateLayout.headerByteCount, rule: 500, context: "chat template")
    try fields.expect(
      fields.word(Field.version) == TemplateLayout.version, rule: 501, Field.version,
      "unknown template program version")
    let reserved =
      UInt64(fields.word(Field.reserved32)) | fields.long(Field.reserved64)
      | fields.long(Field.reservedEnd)
    try fields.expect(reserved == 0, rule: 502, Field.reserved32, "a reserved field is not zero")
    let instructionCount = fields.word(Field.instructionCount)
    let literalCount = fields.word(Field.literalCount)
    let poolByteCount = fields.word(Field.poolByteCount)
    let slotCount = fields.word(Field.slotCount)
    try fields.expect(
      instructionCount > 0 && instructionCount <= TemplateLayout.maxInstructionCount
        && literalCount <= TemplateLayout.maxLiteralCount
        && poolByteCount <= TemplateLayout.maxPoolByteCount
        && slotCount <= TemplateLayout.maxSlotCount,
      rule: 503, Field.instructionCount, "a count of the template program is out of range")
    guard
      let instructions = section.column(
        UInt64.self, at: fields.long(Field.instructions), count: UInt64(instructionCount)),
      let literals = section.column(
        UInt32.self, at: fields.long(Field.literals), count: UInt64(literalCount) * 2),
      let pool = section.column(
        UInt8.self, at: fields.long(Field.pool), count: UInt64(poolByteCount))
    else {
      throw fields.error(
        rule: 504, Field.instructions, "a column is not inside the section or aligned")
    }
    self.instructions = instructions
    self.literals = literals
    self.pool = pool
    self.slotCount = Int(slotCount)
    guard let builtins = TemplateBuiltins.column else {
      throw fields.error(rule: 504, Field.pool, "the template's own texts cannot be held")
    }
    self.builtins = builtins
    try checkLiterals(fields.long(Field.literals))
    try checkInstructions(fields.long(Field.instructions))
  }

  /// Whether the template reads the tools of a conversation.
  public var readsTools: Bool { has(.pushTools) }

  /// Whether the template looks for more in messages than their role and content.
  public var readsFields: Bool { has(.member) || has(.item) || has(.pairs) }

  private func has(_ operation: TemplateOperation) -> Bool {
    (0..<instructions.count).contains { instruction($0)?.operation == operation }
  }

  /// A decoded instruction.
  struct Instruction {
    let operation: TemplateOperation
    let a: Int
    let b: Int
  }

  /// The instruction at `index`, or nil when its operation is unknown.
  func instruction(_ index: Int) -> Instruction? {
    let word = instructions.span[index]
    guard let operation = TemplateOperation(rawValue: UInt16(truncatingIfNeeded: word)) else {
      return nil
    }
    return Instruction(
      operation: operation, a: Int(word >> 16 & 0xFFFF), b: Int(word >> 32))
  }

  /// Where literal `index` lies in the pool.
  func literal(_ index: Int) -> TemplateSlice {
    let span = literals.span
    return TemplateSlice(
      origin: .pool, start: Int(span[index * 2]), count: Int(span[index * 2 + 1]))
  }

  /// The text of a literal that an error names; it is the template's own, never a patient's.
  public func message(ofLiteral index: Int) -> String {
    guard index >= 0, index < literals.count / 2 else { return "" }
    let slice = literal(index)
    var bytes: [UInt8] = []
    for offset in slice.start..<slice.start + slice.count { bytes.append(pool.span[offset]) }
    return String(decoding: bytes, as: UTF8.self)
  }

  private func checkLiterals(_ offset: UInt64) throws(FormatError) {
    let span = literals.span
    for index in 0..<span.count / 2 {
      guard Int(span[index * 2]) + Int(span[index * 2 + 1]) <= pool.count else {
        throw FormatError(
          rule: 505, offset: offset + UInt64(index) * 8, context: "chat template",
          "a literal is not inside the pool")
      }
    }
  }

  private func checkInstructions(_ offset: UInt64) throws(FormatError) {
    for index in 0..<instructions.count {
      let instructionOffset = offset + UInt64(index) * 8
      guard let instruction = instruction(index) else {
        throw FormatError(
          rule: 506, offset: instructionOffset, context: "chat template",
          "unknown template operation")
      }
      if !hasSoundOperands(instruction) {
        throw FormatError(
          rule: 507, offset: instructionOffset, context: "chat template",
          "an operand of the template program is out of range")
      }
      if !hasSoundJump(instruction, at: index) {
        throw FormatError(
          rule: 508, offset: instructionOffset, context: "chat template",
          "a jump of the template program leads where it must not")
      }
    }
  }

  private func hasSoundOperands(_ instruction: Instruction) -> Bool {
    let hasLiteral = instruction.b < literals.count / 2
    switch instruction.operation {
    case .pushLiteral, .refuse, .unsupported: return hasLiteral
    case .split, .affix: return hasLiteral && instruction.a <= 1
    case .parts: return hasLiteral || instruction.b == 0xFFFF_FFFF
    case .changeCase: return hasLiteral && instruction.a <= 4
    case .select: return hasLiteral && instruction.a <= 3
    case .hasAffix, .fields, .find: return instruction.a <= 1
    case .strip:
      return (hasLiteral || instruction.b == 0xFFFF_FFFF) && (1...3).contains(instruction.a)
    case .load, .store: return instruction.b < slotCount
    case .loopNext: return instruction.a < slotCount
    case .field: return instruction.b <= 1
    case .loopValue: return instruction.b <= 8
    case .isKind: return instruction.b <= 8
    case .member: return hasLiteral && instruction.a <= 1
    case .pairs: return hasLiteral && instruction.a <= 4
    case .requirePlain: return hasLiteral && instruction.a <= 3
    case .call: return instruction.a >> 8 + instruction.a & 0xFF <= slotCount
    default: return true
    }
  }

  /// Jumps go forward, but for the one that closes a loop, and calls, which the limits end: every
  /// program ends.
  private func hasSoundJump(_ instruction: Instruction, at index: Int) -> Bool {
    switch instruction.operation {
    case .call: return instruction.b < instructions.count
    case .jump, .jumpIfFalse, .jumpIfFalseKeep, .jumpIfTrueKeep, .loopNext:
      return instruction.b > index && instruction.b < instructions.count
    case .loopBack:
      return instruction.b < index
        && self.instruction(instruction.b)?.operation == .loopNext
    default: return true
    }
  }
}

// Owns: instructions, literals and slots of a template program under construction.
// Must not: know Jinja.
// Source: Spec/TEMPLATES.md, "Program".

import VialFormat
import VialText

/// A program that grows instruction by instruction.
struct TemplateProgramBuilder {
  private(set) var code: [UInt64] = []
  private(set) var slotCount = 0
  private var literalByBytes: [[UInt8]: Int] = [:]
  private var literals: [(offset: Int, count: Int)] = []
  private var pool: [UInt8] = []

  /// The next instruction's index.
  var position: Int { code.count }

  mutating func slot() -> Int {
    slotCount += 1
    return slotCount - 1
  }

  mutating func literal(_ bytes: [UInt8]) -> Int {
    if let known = literalByBytes[bytes] { return known }
    literals.append((pool.count, bytes.count))
    pool += bytes
    literalByBytes[bytes] = literals.count - 1
    return literals.count - 1
  }

  @discardableResult
  mutating func emit(_ operation: TemplateOperation, a: Int = 0, b: Int = 0) -> Int {
    let low = UInt64(operation.rawValue) | UInt64(UInt16(truncatingIfNeeded: a)) << 16
    code.append(low | UInt64(UInt32(truncatingIfNeeded: b)) << 32)
    return code.count - 1
  }

  /// Lets the jump at `index` land on the next instruction.
  mutating func land(_ index: Int) {
    code[index] = code[index] & 0xFFFF_FFFF | UInt64(code.count) << 32
  }

  /// Gives the instruction at `index` another operand a.
  mutating func set(a: Int, at index: Int) {
    code[index] = code[index] & ~0xFFFF_0000 | UInt64(UInt16(truncatingIfNeeded: a)) << 16
  }

  /// Drops instructions from `position` on.
  mutating func rewind(to position: Int) { code.removeSubrange(position...) }

  /// Whether the program fits the format so far.
  var isWithinLimits: Bool {
    code.count <= TemplateLayout.maxInstructionCount
      && literals.count <= TemplateLayout.maxLiteralCount
      && pool.count <= TemplateLayout.maxPoolByteCount && slotCount <= TemplateLayout.maxSlotCount
  }

  /// The incompatible features that a reader needs for the program.
  var incompatibleFeatures: UInt64 {
    let needsNewer = code.contains { word in
      let operation = TemplateOperation(rawValue: UInt16(truncatingIfNeeded: word))
      return operation == .find || operation == .cut
        || operation == .changeCase && UInt16(truncatingIfNeeded: word >> 16) > 2
    }
    let readsFields = code.contains {
      UInt16(truncatingIfNeeded: $0) > TemplateOperation.cut.rawValue
    }
    return (needsNewer ? FormatConstants.templateOperationsFeature : 0)
      | (readsFields ? FormatConstants.templateFieldsFeature : 0)
  }

  /// The section, or nil when it exceeds a limit of the format.
  func section() -> [UInt8]? {
    typealias Field = TemplateLayout.Field
    guard isWithinLimits else { return nil }
    var section = SectionBytes(headerByteCount: TemplateLayout.headerByteCount)
    section.set(TemplateLayout.version, at: Field.version)
    section.set(UInt32(code.count), at: Field.instructionCount)
    section.set(UInt32(literals.count), at: Field.literalCount)
    section.set(UInt32(pool.count), at: Field.poolByteCount)
    section.set(UInt32(slotCount), at: Field.slotCount)
    section.set(section.append(column: code), at: Field.instructions)
    let entries = literals.flatMap { [UInt32($0.offset), UInt32($0.count)] }
    section.set(section.append(column: entries), at: Field.literals)
    section.set(section.append(column: pool), at: Field.pool)
    return section.bytes
  }
}

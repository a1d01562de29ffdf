// Chat template programs that pass every check and were made to take hours or gigabytes: each is stopped by
// a limit, soon.

import Testing
import VialFormat
import VialText

@Suite struct HostileTemplateTests {
  private typealias Operation = TemplateOperation

  /// A program under construction, over literals.
  private struct Program {
    var code: [UInt64] = []
    let literals: [[UInt8]]

    mutating func add(_ operation: Operation, a: Int = 0, b: Int = 0) {
      code.append(UInt64(operation.rawValue) | UInt64(a) << 16 | UInt64(b) << 32)
    }

    /// A string in slot 0 of literal 0 joined with itself `times` times.
    init(literals: [String], doublings times: Int) {
      self.literals = literals.map { Array($0.utf8) }
      add(.pushLiteral)
      add(.store)
      for _ in 0..<times {
        add(.load)
        add(.load)
        add(.add)
        add(.store)
      }
    }

    /// `body` in four loops over all messages, in slots 1 to 4.
    mutating func loop(_ body: (inout Program) -> Void) {
      var starts: [Int] = []
      for slot in 1...4 {
        add(.pushMessages)
        add(.loopBegin)
        starts.append(code.count)
        add(.loopNext, a: slot)
      }
      body(&self)
      for start in starts.reversed() {
        add(.loopBack, b: start)
        code[start] |= UInt64(code.count) << 32
      }
      add(.halt)
    }

    var section: [UInt8] {
      typealias Field = TemplateLayout.Field
      var bytes = [UInt8](repeating: 0, count: TemplateLayout.headerByteCount)
      func little<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
        (0..<Value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
      }
      let pool = literals.flatMap { $0 }
      let counts = [code.count, literals.count, pool.count, 5]
      bytes.replaceSubrange(0..<4, with: little(TemplateLayout.version))
      for (index, count) in counts.enumerated() {
        bytes.replaceSubrange(4 + index * 4..<8 + index * 4, with: little(UInt32(count)))
      }
      var offset = 0
      let entries = literals.flatMap { literal in
        defer { offset += literal.count }
        return little(UInt32(offset)) + little(UInt32(literal.count))
      }
      let columns = [
        (Field.instructions, code.flatMap(little)), (Field.literals, entries), (Field.pool, pool),
      ]
      for (field, column) in columns {
        bytes.replaceSubrange(field..<field + 8, with: little(UInt64(bytes.count)))
        bytes += column
      }
      return bytes
    }
  }

  /// Renders for forty messages and expects the end within seconds; returns why it stopped.
  private func stop(_ program: Program, content: String = "word") throws -> TextError? {
    let template = try ChatTemplate(ByteRegion(copying: program.section))
    let text = Array("user\(content)".utf8)
    let message = ChatMessage(
      role: TextRange(start: 0, byteCount: 4),
      content: TextRange(start: 4, byteCount: text.count - 4), isLiteral: true)
    let entries = [ChatMessage](repeating: message, count: 40)
    var bytes: [UInt8] = [0]
    var ranges = [TextRange(start: 0, byteCount: 0)]
    var output = bytes.mutableSpan
    var literals = ranges.mutableSpan
    let start = ContinuousClock.now
    defer { #expect(ContinuousClock.now - start < .seconds(10)) }
    do throws(TextError) {
      _ = try template.render(
        ChatMessages(text: text.span, entries: entries.span), addsGenerationPrompt: true,
        into: &output, literals: &literals)
      return nil
    } catch { return error }
  }

  private func expectLimit(_ program: Program, content: String = "word") throws {
    guard case .templateLimit? = try stop(program, content: content) else {
      Issue.record("was not stopped by a limit")
      return
    }
  }

  @Test func emptySlicesCostNothing() throws {
    var program = Program(literals: [""], doublings: 17)
    program.loop { body in
      body.add(.load)
      body.add(.load)
      body.add(.equal)
      body.add(.jumpIfFalse, b: body.code.count + 1)
    }
    try expectLimit(program)
  }

  @Test(arguments: [TemplateOperation.equal, .affix, .length, .strip, .contains])
  func manySlicesAreCharged(_ operation: TemplateOperation) throws {
    var program = Program(literals: ["a", "aaaaaaaaaaaaaaaa"], doublings: 16)
    program.loop { body in
      body.add(.load)
      if operation == .equal || operation == .contains { body.add(.load) }
      body.add(operation, a: operation == .strip ? 3 : 1, b: 1)
      body.add(.store, b: 4)
    }
    try expectLimit(program)
  }

  @Test func stripSetsAreCharged() throws {
    let set = String(repeating: "b", count: 60_000) + "x"
    var program = Program(literals: [set], doublings: 0)
    program.loop { body in
      body.add(.load, b: 1)
      body.add(.field, b: 1)
      body.add(.strip, a: 3, b: 0)
      body.add(.store, b: 4)
    }
    try expectLimit(program, content: String(repeating: "x", count: 5000))
  }

  @Test func outputIsBounded() throws {
    var program = Program(literals: [String(repeating: "a", count: 60_000)], doublings: 0)
    program.loop { body in
      body.add(.load)
      body.add(.emit)
    }
    let error = try stop(program)
    #expect(error == .textTooLong(limit: TemplateLayout.maxOutputByteCount))
  }

  /// Lists of a hundred thousand values that write nothing, and what is done with them as often as a program may.
  @Test(arguments: [
    TemplateOperation.join, .add, .reverse, .equal, .contains, .json, .part, .makeList,
  ]) func longListsAreCharged(_ operation: TemplateOperation) throws {
    var program = Program(literals: [""], doublings: 0)
    for _ in 0..<60 { program.add(.pushUndefined) }
    program.add(.makeList, b: 60)
    program.add(.store)
    for _ in 0..<11 {
      for code in [TemplateOperation.load, .load, .add, .store] { program.add(code) }
    }
    program.loop { body in
      body.add(.load)
      switch operation {
      case .add, .equal:
        body.add(.load)
        // A list that does not lie behind the other.
        body.add(.reverse)
      case .contains:
        body.add(.pushBool, b: 1)
        body.add(.load)
      case .join: body.add(.pushLiteral)
      case .part:
        body.add(.pushNone)
        body.add(.pushNone)
      default: break
      }
      body.add(operation, b: operation == .makeList ? 1 : 0)
      body.add(.store, b: 4)
    }
    let error = try stop(program)
    // JSON has no undefined value, which is found at the first.
    #expect(error == (operation == .json ? .templateType : .templateLimit))
  }

  /// Each message searched for a text that it nearly has everywhere, from both ends.
  @Test(arguments: [0, 1]) func searchesAreCharged(_ fromEnd: Int) throws {
    let needle = String(repeating: "a", count: 30_000)
    var program = Program(literals: [needle + "b", "b" + needle], doublings: 0)
    program.loop { body in
      body.add(.load, b: 1)
      body.add(.field, b: 1)
      body.add(.split, a: fromEnd, b: fromEnd)
      body.add(.store, b: 4)
    }
    try expectLimit(program, content: String(repeating: "a", count: 60_000))
  }
}

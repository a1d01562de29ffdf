// A file that another process changes after it was checked: what was checked is what is used, or what is read is held
// within its bounds. Tests/ABI/changing does the same while calls run.

import FuzzTargets
import Testing
import VialFormat
import VialPacking
import VialText

@Suite struct ChangedBytesTests {
  private let values: [UInt8] = {
    var builder = KeyValueBuilder()
    builder["notice"] = .text("text of some length")
    builder["numbers"] = .unsignedArray([1, 2, 3])
    builder["list"] = .textArray(["one", "", "three"])
    return (try? builder.build()) ?? []
  }()

  @Test func keyValuesStayAsTheyWere() throws {
    let bytes = ForeignBytes(values)
    let table = try KeyValueTable(bytes.region, context: "test")
    let before = table.entries.map { "\($0)" }
    for byte: UInt8 in [0xFF, 0x7F, 0] {
      bytes.fill(with: byte)
      #expect(table.entries.map { "\($0)" } == before)
      #expect(table["list"] == .textArray(["one", "", "three"]))
      #expect(table["nobody"] == nil)
    }
  }

  @Test func tablesOfAFileStayAsTheyWere() throws {
    let bytes = ForeignBytes(TinyModel.bytes)
    let file = try FormatReader.open(bytes.region)
    let before = file.tensors[0].name
    let configuration = file.configuration
    bytes.fill(with: 0xFF)
    #expect(file.tensors[0].name == before && file.tensors.find(before)?.index == 0)
    #expect(try ModelConfiguration(file.configurationTable) == configuration)
    // Everything is wrong now, and found to be.
    #expect(try !Verifier(file).verify().problems.isEmpty)
  }

  @Test func templatesStayAsTheyWere() throws {
    let chat = ForeignBytes(TinyModel.chatTemplate)
    let template = try ChatTemplate(copying: chat.region)
    let before = try render(template)
    chat.fill(with: 0xFF)
    #expect(try render(template) == before)

    let source = """
      ---
      id: a
      version: 1
      task: other
      language: en
      variable: x
        limit: 10
      ---
      # user
      Hello {{x}}.
      """
    let file = try PromptTemplateFile(Array(source.utf8), name: "a")
    let prompt = ForeignBytes(file.section)
    let read = try PromptTemplate(copying: prompt.region, section: nil)
    prompt.fill(with: 0xFF)
    #expect(read.id == "a" && read.variables.count == 1)
  }

  private func render(_ template: ChatTemplate) throws -> [UInt8] {
    let text = Array("userhello".utf8)
    let entries = [
      ChatMessage(
        role: TextRange(start: 0, byteCount: 4), content: TextRange(start: 4, byteCount: 5),
        isLiteral: true)
    ]
    var bytes = [UInt8](repeating: 0, count: 256)
    var ranges = [TextRange](repeating: TextRange(start: 0, byteCount: 0), count: 8)
    var output = bytes.mutableSpan
    var literals = ranges.mutableSpan
    let rendered = try template.render(
      ChatMessages(text: text.span, entries: entries.span), addsGenerationPrompt: true,
      into: &output, literals: &literals)
    return Array(bytes[..<rendered.byteCount])
  }

  /// Every field of the header and of the tables' beginnings takes values that no reader would have let through, behind
  /// the back of a tokenizer that was opened before.
  @Test func encodingStaysWithinItsTables() throws {
    let section = TinyModel.tokenizer
    let bytes = ForeignBytes(section)
    let tokenizer = try Tokenizer(bytes.region)
    let text = Array("ab<s>abc ab</s> \u{e9}a\u{301}".utf8)
    var state: UInt64 = 1
    for _ in 0..<4000 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let at = Int(state >> 33) % (section.count - 8) & ~3
      let hostile: [UInt64] = [0, .max, 0x7FFF_FFFF, 0x8000_0000, UInt64(section.count), state]
      let value = hostile[Int(state >> 20) % hostile.count]
      bytes.put((0..<8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }, at: at)
      var workspace = TokenizerWorkspace()
      var ids = [UInt32](repeating: 0, count: 64)
      var output = ids.mutableSpan
      let count = try tokenizer.encode(text.span, workspace: &workspace, into: &output)
      var decoded = [UInt8](repeating: 0, count: 4096)
      var room = decoded.mutableSpan
      let some = Array(ids[..<min(count, 64)])
      _ = tokenizer.decode(some.span, into: &room)
      bytes.put(Array(section[at..<at + 8]), at: at)
    }
  }
}

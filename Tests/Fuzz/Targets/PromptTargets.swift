// Targets for prompt templates and for schemas of answers.
import VialFormat
import VialPacking
import VialText

enum PromptTargets {
  /// The input is the section.
  static func section(_ input: [UInt8]) {
    guard let template = try? PromptTemplate(ByteRegion(copying: input)) else { return }
    use(template)
  }

  /// The input is the file.
  static func file(_ input: [UInt8]) {
    guard let file = try? PromptTemplateFile(input, name: "fuzz") else { return }
    use(file.template)
    guard (try? PromptTemplate(ByteRegion(copying: file.section), section: file.sectionID)) != nil
    else { fatalError("a template file makes a section that is refused") }
  }

  /// Renders with values for the first variables.
  private static func use(_ template: PromptTemplate) {
    var text: [UInt8] = []
    var entries: [PromptValue] = []
    let values = ["{{a}}", "7 kg", "2024-02-29", "x\ny", ""]
    for (index, variable) in template.variables.enumerated() {
      let value = variable.choices.first ?? values[index % values.count]
      let start = text.count
      text += Array(variable.name.utf8) + Array(value.utf8)
      entries.append(
        PromptValue(
          name: TextRange(start: start, byteCount: variable.name.utf8.count),
          content: TextRange(
            start: start + variable.name.utf8.count, byteCount: value.utf8.count)))
    }
    var bytes = [UInt8](repeating: 0, count: 256)
    var output = bytes.mutableSpan
    do throws(PromptError) {
      _ = try template.render(PromptValues(text: text.span, entries: entries.span), into: &output)
    } catch { _ = template.sentence(error) }
  }

  /// The schema ends at the first zero byte, which JSON does not have.
  static func schema(_ input: [UInt8]) {
    let end = input.firstIndex(of: 0) ?? input.count
    guard let grammar = try? Grammar(schema: Array(input[..<end])) else { return }
    let text = Array(input[min(input.count, end + 1)...])
    guard grammar.matches(text) else { return }
    do throws(JSONError) {
      _ = try JSONReader.parse(text)
    } catch {
      // A key that stands twice is still JSON to most readers.
      if !error.description.contains("twice") {
        fatalError("a text that is no JSON satisfies a schema")
      }
    }
  }
}

// Targets for prompt templates.
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

  /// Renders with values for the variables, and with the longest that texts and lists take.
  private static func use(_ template: PromptTemplate) {
    use(template, longest: 0)
    use(template, longest: 100_000)
  }

  private static func use(_ template: PromptTemplate, longest: Int) {
    var text: [UInt8] = []
    var entries: [PromptValue] = []
    let values = [
      "{{a}}", "7 kg", "2024-02-29", "x\ny", "", "<= 7.0e1 KG HH (-1.5 - 2)",
      "2024-02-29T08:05:00.5+01:00",
    ]
    for (index, variable) in template.variables.enumerated() {
      var value = variable.choices.first ?? values[index % values.count]
      if variable.kind == .text || variable.kind == .list, longest > 0 {
        let unit = variable.kind == .text ? "x" : variable.itemLimit > 9 ? "x\n\n" : "\n\n\n"
        let count = min(variable.byteLimit, longest)
        value = "x" + String(repeating: unit, count: max(0, count - 2) / unit.utf8.count) + "x"
      }
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
}

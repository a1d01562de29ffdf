// Renderings that Tests/Scripts/compare_templates.py wrote, from templates that are not ours to commit.

import Foundation
import TestSupport
import Testing
import VialFormat
import VialPacking
import VialText

@Suite struct ExtraTemplateTests {
  private static let path = ProcessInfo.processInfo.environment["VIAL_RENDERINGS"]

  /// How a template's conversations came out.
  private struct Counts {
    var equal = 0
    /// Rendered otherwise, or rendered what the original refuses.
    var different = 0
    /// Refused what the original renders.
    var refused = 0
    /// Of these, because the template needs there what is not compiled.
    var unsupported = 0
  }

  @Test(.enabled(if: path != nil)) func renderingsAreThoseOfTransformers() throws {
    var unsupported = 0
    var total = Counts()
    for line in try Files.lines(URL(filePath: try #require(Self.path))) {
      let name = line["name"]?.text ?? ""
      let rows = line["rows"]?.array ?? []
      let template: ChatTemplate
      do {
        template = try Self.template(line)
      } catch {
        print("\(name): not compiled: \(error)")
        if rows.contains(where: { $0["text"] != nil }) { unsupported += 1 }
        continue
      }
      let counts = Self.compare(template, rows, name)
      print(
        "\(name): \(counts.equal) equal, \(counts.different) different, \(counts.refused) refused here only, \(counts.unsupported) of them unsupported"
      )
      total.unsupported += counts.unsupported
      total.equal += counts.equal
      total.different += counts.different
      total.refused += counts.refused
    }
    print(
      "together: \(total.equal) equal, \(total.different) different, \(total.refused) refused here only, \(total.unsupported) of them unsupported;"
        + " \(unsupported) templates unsupported")
    #expect(total.different == 0)
  }

  private static func template(_ line: JSONValue) throws -> ChatTemplate {
    let tokens = (line["tokens"]?.object?.members ?? []).map { ($0.key.text, $0.value.text ?? "") }
    let compiled = try ChatTemplateCompiler.compile(
      line["source"]?.text ?? "", specialTokens: Dictionary(uniqueKeysWithValues: tokens),
      date: line["date"]?.text.flatMap { TemplateDate($0) })
    for warning in compiled.warnings { print("  \(warning)") }
    return try ChatTemplate(ByteRegion(copying: compiled.section))
  }

  private static func compare(_ template: ChatTemplate, _ rows: [JSONValue], _ name: String)
    -> Counts
  {
    var counts = Counts()
    for row in rows {
      let messages = (row["messages"]?.array ?? []).map(TestMessage.init)
      let tools =
        row["tools"].map { $0.isNull ? "" : String(decoding: $0.compactText, as: UTF8.self) } ?? ""
      let rendered: [UInt8]
      do {
        rendered = try TestTemplate.render(
          template, messages, tools: tools,
          addsGenerationPrompt: row["add_generation_prompt"]?.bool ?? false
        ).text
      } catch {
        // What transformers renders, Vial may refuse by name, but not render otherwise.
        guard row["text"] != nil else {
          counts.equal += 1
          continue
        }
        if counts.refused == 0 { print("  \(name): refused what transformers renders: \(error)") }
        counts.refused += 1
        if case .templateUnsupported? = error as? TextError { counts.unsupported += 1 }
        continue
      }
      if rendered == row["text"]?.string?.bytes {
        counts.equal += 1
        continue
      }
      if counts.different == 0 {
        print("  \(name): \(String(decoding: rendered, as: UTF8.self).debugDescription)")
        print("  instead of \((row["text"]?.text).debugDescription)")
      }
      counts.different += 1
    }
    return counts
  }
}

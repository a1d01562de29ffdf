// Renderings that Tests/Scripts/compare_templates.py wrote, from templates that are not ours to commit.

import Foundation
import Testing
import VialPacking
import VialText

@Suite struct ExtraTemplateTests {
  private static let path = ProcessInfo.processInfo.environment["VIAL_RENDERINGS"]

  @Test(.enabled(if: path != nil)) func renderingsAreThoseOfTransformers() throws {
    for line in try Files.lines(URL(filePath: try #require(Self.path))) {
      let name = line["name"]?.text ?? ""
      let tokens = (line["tokens"]?.object?.members ?? []).map {
        ($0.key.text, $0.value.text ?? "")
      }
      let template: TestTemplate
      do {
        template = try TestTemplate(
          line["source"]?.text ?? "", specialTokens: Dictionary(uniqueKeysWithValues: tokens))
      } catch {
        print("\(name): not compiled: \(error)")
        continue
      }
      var counts = (equal: 0, refused: 0)
      for row in line["rows"]?.array ?? [] {
        let messages = (row["messages"]?.array ?? []).map(TestMessage.init)
        let rendered = try? template.render(
          messages, addsGenerationPrompt: row["add_generation_prompt"]?.bool ?? false)
        // What transformers renders, Vial may refuse by name, but not render otherwise.
        guard let rendered else {
          counts.refused += 1
          if row["text"] != nil { print("\(name): refused what transformers renders") }
          continue
        }
        let text = String(decoding: rendered.text, as: UTF8.self)
        #expect(text == row["text"]?.text, "\(name)")
        counts.equal += 1
      }
      print("\(name): \(counts.equal) equal, \(counts.refused) refused")
    }
  }
}

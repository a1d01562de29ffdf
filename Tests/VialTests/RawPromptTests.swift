// Raw prompts of tokenizers that put an end behind a text: a prompt goes on, so it has none.

import Foundation
import TestSupport
import Testing
import Vial
import VialPacking
import VialSystem
import VialText

@Suite struct RawPromptTests {
  private static let end = "<\u{FF5C}end\u{2581}of\u{2581}sentence\u{FF5C}>"

  /// A model whose tokenizer ends texts with 490, by its post-processor or by its settings.
  private func model(bySettings: Bool) throws -> Model {
    let fixture = try Fixture("llama3-tiny")
    try edit(fixture.url("tokenizer.json")) { tokenizer in
      guard var processor = tokenizer["post_processor"] as? [String: Any],
        var single = processor["single"] as? [Any],
        var tokens = processor["special_tokens"] as? [String: Any]
      else { return }
      single.append(["SpecialToken": ["id": Self.end, "type_id": 0]])
      tokens[Self.end] = ["id": Self.end, "ids": [490], "tokens": [Self.end]]
      processor["single"] = single
      processor["special_tokens"] = tokens
      tokenizer["post_processor"] = bySettings ? nil : processor
    }
    try edit(fixture.url("tokenizer_config.json")) {
      $0["add_eos_token"] = true
    }
    _ = try Packer.pack(fixture.options())
    return try Model(path: fixture.output)
  }

  private func edit(_ url: URL, _ change: (inout [String: Any]) -> Void) throws {
    let parsed = try JSONSerialization.jsonObject(with: Data(contentsOf: url))
    var object = try #require(parsed as? [String: Any])
    change(&object)
    try JSONSerialization.data(withJSONObject: object).write(to: url)
  }

  @Test(arguments: [false, true]) func nothingEndsARawPrompt(_ bySettings: Bool) throws {
    let model = try model(bySettings: bySettings)
    let text = Array("the patient".utf8)
    let whole = try model.encode(text.span, options: EncodeOptions(addsSpecialTokens: true))
    let raw = try model.rawTokens(text.span)
    try #require(raw.count > 1)
    #expect(raw.span[0] == 493 && raw.span[raw.count - 1] != 490)
    // A text as it stands for itself keeps its end.
    #expect(whole.count == raw.count + 1 && whole.span[raw.count] == 490)
    #expect((0..<raw.count).allSatisfy { raw.span[$0] == whole.span[$0] })
  }
}

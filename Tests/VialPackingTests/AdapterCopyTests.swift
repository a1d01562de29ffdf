// What PEFT saves beside lora_A and lora_B: copies of the base's tensors; and targets that the base has not.

import Foundation
import TestSupport
import Testing
import VialFormat
import VialPacking

@Suite struct AdapterCopyTests {
  private static let head = "base_model.model.lm_head"

  /// An adapter of head and attention, with a copy of the base's head under `name`.
  private func adapter(
    _ fixture: Fixture, copyAs name: String, _ change: (inout [UInt8]) -> Void = { _ in }
  ) throws -> TestAdapter {
    let adapter = try TestAdapter(modules: ["self_attn.q_proj"], head: true)
    var head: SafetensorsFile.Tensor?
    for shard in ["model-00001-of-000002.safetensors", "model-00002-of-000002.safetensors"] {
      head = try head ?? SafetensorsFile(fixture.bytes(shard))["lm_head.weight"]
    }
    var copy = try #require(head)
    copy.name = name
    change(&copy.data)
    adapter.file.tensors.append(copy)
    try adapter.write()
    return adapter
  }

  private func packed(
    _ fixture: Fixture, _ adapter: TestAdapter
  ) throws -> (file: VialFile, warnings: [String], summary: PackSummary) {
    try fixture.packed(nil, WeightRecipe(weights: .f32)) {
      $0.adapters = [AdapterFolder(name: "a", path: adapter.path)]
    }
  }

  @Test(arguments: ["\(head).base_layer.weight", "\(head).weight"])
  func copiesOfTheBaseAreLeftOut(_ name: String) throws {
    let fixture = try Fixture("qwen2-tiny-untied")
    let (file, warnings, summary) = try packed(fixture, adapter(fixture, copyAs: name))
    #expect(file.sections.contains { $0.kind == .adapter })
    #expect(warnings == ["adapter a: \(name) is a copy of the base's tensor; left out"])
    #expect(summary.omissionCount == 1)
    // One that differs is another base.
    let other = try adapter(fixture, copyAs: name) { $0[0] ^= 1 }
    do {
      _ = try packed(fixture, other)
      Issue.record("packed")
    } catch let error as PackingError {
      #expect(error.message.contains("differs from the base's tensor"))
    }
  }

  /// A packed file's weights may be rounded: nothing can be compared, which is said.
  @Test func copiesForAPackedFile() throws {
    let fixture = try Fixture("qwen2-tiny-untied")
    let adapter = try adapter(fixture, copyAs: "\(Self.head).base_layer.weight")
    let made = try AdapterImport.folder(adapter.path, name: "a", base: fixture.pack())
    #expect(made.warnings.count == 1 && made.warnings[0].contains("cannot be compared here"))
  }

  @Test func targetsThatAreNowhere() throws {
    let fixture = try Fixture("qwen2-tiny-untied")
    let adapter = try TestAdapter(modules: ["self_attn.q_proj"])
    adapter.config["target_modules"] = ["query_key_value", "q_proj"]
    try adapter.write()
    let (file, warnings, _) = try packed(fixture, adapter)
    #expect(file.sections.contains { $0.kind == .adapter })
    #expect(warnings.count == 1 && warnings[0].contains("the target query_key_value is no linear"))
    adapter.config["target_modules"] = ["query_key_value"]
    try adapter.write()
    #expect(throws: PackingError.self) { try packed(fixture, adapter) }
  }
}

// Models that see images, too: their text part is the same model as a checkpoint of its own, in both ways that
// transformers names its tensors; what sees is left out.

import Foundation
import TestSupport
import Testing
import VialFormat
import VialPacking

@Suite struct WrapperTests {
  private static let parts = [
    "vision_tower.vision_model.post_layernorm.weight",
    "vision_tower.vision_model.embeddings.patch_embedding.weight",
    "multi_modal_projector.mm_input_projection_weight",
  ]

  /// The spellings: before a text tensor's name without `model.`, and before other parts.
  private static let spellings = [
    ("language_model.model.", ""), ("model.language_model.", "model."),
  ]

  /// gemma3-linear-tiny as the text part of a wrapper.
  private func wrapped(
    _ spelling: (text: String, others: String) = spellings[0],
    _ change: (inout SafetensorsFile) -> Void = { _ in }
  ) throws -> Fixture {
    let fixture = try Fixture("gemma3-linear-tiny")
    var weights = try SafetensorsFile(fixture.bytes("model.safetensors"))
    for index in weights.tensors.indices {
      let name = weights.tensors[index].name
      weights.tensors[index].name = spelling.text + name.dropFirst("model.".count)
    }
    for part in Self.parts {
      weights.tensors.append(
        .init(
          name: spelling.others + part, type: "F32", shape: [2],
          data: [UInt8](repeating: 0, count: 8)))
    }
    change(&weights)
    try fixture.write("model.safetensors", weights.bytes())
    var text = try fixture.config()
    var config: [String: Any] = [
      "architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3",
      "vision_config": ["hidden_size": 48],
    ]
    for key in ["bos_token_id", "eos_token_id"] { config[key] = text.removeValue(forKey: key) }
    text["architectures"] = nil
    config["text_config"] = text
    try fixture.write(config: config)
    return fixture
  }

  @Test(arguments: spellings)
  func theTextPartIsTheModelAlone(_ spelling: (String, String)) throws {
    let plain = try Fixture("gemma3-linear-tiny").pack()
    let (file, warnings, summary) = try wrapped(spelling).packed()
    #expect(file.modelDigest == plain.modelDigest)
    let line = "3 tensors of multi_modal_projector and vision_tower left out"
    #expect(warnings.filter { $0.contains("left out") }.count == 1)
    #expect(warnings.contains { $0.hasPrefix(line) })
    #expect(summary.omissionCount == 3)
  }

  /// A head of its own under a wrapper's name.
  @Test func headsOfWrappers() throws {
    for name in ["language_model.lm_head.weight", "lm_head.weight"] {
      let fixture = try wrapped { weights in
        guard var head = weights["language_model.model.embed_tokens.weight"] else { return }
        head.name = name
        head.data[0] ^= 1
        weights.tensors.append(head)
      }
      let file = try fixture.pack()
      #expect(file.tensors.find("lm_head.weight") != nil)
      #expect(!file.configuration.isEmbeddingTied)
    }
  }

  @Test func settingsOfWrappers() throws {
    let fixture = try wrapped()
    let stated = try fixture.pack().configuration
    // Those of the text model do not tie its head; the wrapper's do.
    try fixture.set("text_config.tie_word_embeddings", "false")
    #expect(try fixture.pack().configuration == stated)
    try fixture.set("tie_word_embeddings", "false")
    #expect(fixture.refusal()?.contains("lm_head.weight is missing") == true)
    try fixture.set("tie_word_embeddings", "true")
    try fixture.set("text_config.model_type", #""gemma4_text""#)
    #expect(fixture.refusal()?.contains("text_config: model_type gemma4_text") == true)
    try fixture.set("text_config", "null")
    #expect(fixture.refusal()?.contains("no text_config") == true)
    try fixture.set("text_config", "[]")
    #expect(fixture.refusal()?.contains("text_config is not an object") == true)
    try fixture.remove("text_config")
    #expect(fixture.refusal()?.contains("Gemma3ForConditionalGeneration") == true)
  }

  /// Two tensors that would have one name.
  @Test func twoSpellingsAtOnceAreRefused() throws {
    let fixture = try wrapped { weights in
      guard var norm = weights["language_model.model.norm.weight"] else { return }
      norm.name = "model.language_model.norm.weight"
      weights.tensors.append(norm)
    }
    #expect(fixture.refusal()?.contains("model.norm.weight is in the checkpoint under two") == true)
  }

  /// MedGemma 4B's `text_config` names seven keys.
  @Test func sizesThatNobodyStates() throws {
    let fixture = try wrapped()
    try fixture.set(
      "text_config",
      #"{"hidden_size": 2560, "intermediate_size": 10240, "model_type": "gemma3_text", "num_hidden_layers": 34, "rope_scaling": {"factor": 8.0, "rope_type": "linear"}, "sliding_window": 1024}"#
    )
    // The sizes are right when its first tensor has the wrong shape.
    let message = try #require(fixture.refusal())
    #expect(message.contains("config.json needs [262208, 2560]"), "\(message)")
    var options = fixture.options()
    options.randomSeed = 1
    options.recipe = WeightRecipe(weights: .int4)
    try fixture.set("text_config.num_hidden_layers", "7")
    try fixture.set("text_config.vocab_size", "512")
    _ = try Packer.pack(options)
    let file = try FormatReader.open(
      ByteRegion(copying: Array(try Data(contentsOf: URL(fileURLWithPath: fixture.output)))))
    let found = file.configuration
    #expect(found.headCount == 8 && found.keyValueHeadCount == 4 && found.headDimension == 256)
    #expect(found.contextLength == 131_072 && found.normEpsilon == 1e-6)
    #expect(found.isEmbeddingTied && found.traits.attentionScale == 0.0625)
    #expect(found.traits.windows == [1024, 1024, 1024, 1024, 1024, 0, 1024])
    #expect(found.traits.embeddingMultiplier == Double(Float(2560.0.squareRoot())))
    #expect(found.ropeInverseFrequencies[0] == 0.125)
    #expect(found.traits.secondInverseFrequencies?[0] == 1)
  }

  // MARK: Adapters

  private static let targets = ["q_proj", "o_proj", "gate_proj"]

  private static func modules(_ prefix: String) -> [RandomAdapter.Module] {
    (0..<6).flatMap { layer -> [RandomAdapter.Module] in
      [
        .init("\(prefix)layers.\(layer).self_attn.q_proj", outputs: 128, inputs: 64),
        .init("\(prefix)layers.\(layer).self_attn.o_proj", outputs: 64, inputs: 128),
        .init("\(prefix)layers.\(layer).mlp.gate_proj", outputs: 128, inputs: 64),
      ]
    }
  }

  /// The adapter's section, and what was said, once it is packed with the wrapper.
  private func adapted(
    _ modules: [RandomAdapter.Module], _ changes: [String: Any] = [:]
  ) throws -> (bytes: [UInt8], warnings: [String]) {
    let fixture = try wrapped()
    let folder = TemporaryFolder()
    let place = folder.url("adapter")
    try RandomAdapter.write(
      modules, to: place, seed: 3, rank: 4, targets: Self.targets, isHalf: false)
    let url = place.appendingPathComponent("adapter_config.json")
    var config =
      try JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: Any] ?? [:]
    config.merge(changes) { $1 }
    try JSONSerialization.data(withJSONObject: config).write(to: url)
    let (file, warnings, _) = try fixture.packed {
      $0.adapters = [.init(name: "ward", path: place.path)]
    }
    let section = try #require(file.sections.first { $0.kind == .adapter })
    return (try #require(file.storedBytes(of: section)).copied(), warnings)
  }

  /// Whatever the names, the adapter is the same.
  @Test func adaptersOfWrappers() throws {
    let plain = try adapted(Self.modules("model.")).bytes
    for (prefix, _) in Self.spellings {
      let modules = Self.modules(prefix)
      #expect(try adapted(modules).bytes == plain)
      for target in [
        #".*language_model.*\.(q_proj|o_proj|gate_proj)"#,
        #"(?!.*vision).*\.(q_proj|o_proj|gate_proj)"#,
      ] { #expect(try adapted(modules, ["target_modules": target]).bytes == plain) }
      let stretched = try adapted(modules, ["alpha_pattern": ["\(prefix)layers.0.*": 16]])
      #expect(stretched.bytes != plain)
    }
  }

  /// What an adapter has for the vision tower goes with it.
  @Test func adaptersOfVisionTowersAreLeftOut() throws {
    let prefix = "model.language_model."
    let tower = RandomAdapter.Module(
      "model.vision_tower.vision_model.encoder.layers.0.self_attn.q_proj", outputs: 48, inputs: 48)
    let (bytes, warnings) = try adapted(Self.modules(prefix) + [tower])
    #expect(bytes == (try adapted(Self.modules("model.")).bytes))
    #expect(
      warnings.contains { $0.contains("adapter ward: 2 tensors of vision_tower left out") })
  }
}

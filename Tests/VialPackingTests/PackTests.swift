// Whole packs of the reference checkpoints: what is in the file, and that it does not depend on the
// number of threads, the layout of config.json or the alignment of the tensors.

import Foundation
import Synchronization
import TestSupport
import Testing
import VialFormat
import VialPacking

@Suite struct PackTests {
  private func source(_ fixture: Fixture) throws -> [String: [Float]] {
    var out: [String: [Float]] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: fixture.folder.path)
    where name.hasSuffix(".safetensors") {
      for tensor in try SafetensorsFile(fixture.bytes(name)).tensors {
        out[tensor.name] = tensor.floats
      }
    }
    return out
  }

  @Test(arguments: ["qwen2-tiny-untied", "qwen2-tiny-tied", "llama3-tiny"])
  func everyTensorComesBack(_ name: String) throws {
    let fixture = try Fixture(name)
    let source = try source(fixture)
    // Root of the squared error over that of the squared weights.
    let cases: [(WeightRecipe, Float)] = [
      (WeightRecipe(weights: .f32), 0), (WeightRecipe(weights: .f16), 3e-4),
      (WeightRecipe(weights: .bf16), 3e-3), (WeightRecipe(weights: .int8, group: .of32), 0.006),
      (WeightRecipe(weights: .int4, group: .of32, embedding: .int4), 0.09),
      (WeightRecipe(weights: .int4, group: .of64), 0.1),
      (WeightRecipe(weights: .int4, group: .of128, embedding: .f16), 0.11),
      (WeightRecipe(group: .of32, embedding: .int4, head: .int4, grid: .codebook), 0.085),
      (WeightRecipe(group: .of128, grid: .codebook), 0.105),
    ]
    for (recipe, tolerance) in cases {
      let file = try fixture.pack(recipe)
      #expect(file.tensors.count == source.count)
      for (tensorName, expected) in source {
        let tensor = try #require(file.tensors.find(tensorName))
        let values = decoded(tensor)
        #expect(values.count == expected.count)
        let error = zip(values, expected).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        let energy = expected.reduce(0) { $0 + $1 * $1 }
        let bound = tensor.shape.rank == 1 ? 0 : tolerance
        #expect(error.squareRoot() <= bound * energy.squareRoot(), "\(tensorName), \(recipe)")
      }
    }
  }

  @Test func templatesFillTheGapBeforeTheWeights() throws {
    let fixture = try Fixture("qwen2-tiny-untied")
    let file = try fixture.pack()
    let weights = try #require(file.sections.first { $0.kind == .weights })
    let templates = file.sections.filter { $0.kind == .promptTemplate }
    let early = templates.filter { $0.offset < weights.offset }
    #expect(weights.offset == 65536 && !early.isEmpty)
    // No template that is left would fit.
    let front = try #require(file.sections.last { $0.offset < weights.offset })
    let room = weights.offset - (front.offset + front.storedByteCount + 63) / 64 * 64
    #expect(templates.allSatisfy { $0.offset < weights.offset || $0.storedByteCount > room })
  }

  @Test func sourcesCanBeLeftOut() throws {
    let fixture = try Fixture("qwen2-tiny-untied")
    try fixture.write("README.md", Array("# A card\n".utf8))
    try fixture.write("LICENSE", Array("Terms\n".utf8))
    let whole = try fixture.pack()
    var options = fixture.options()
    options.keepsSources = false
    _ = try Packer.pack(options)
    let data = try Data(contentsOf: URL(fileURLWithPath: fixture.output))
    let file = try FormatReader.open(ByteRegion(copying: Array(data)))
    let texts = { (file: VialFile) in
      Set(file.sections.filter { $0.kind == .text }.map(\.id))
    }
    #expect(texts(file) == [TextSection.modelCard.rawValue, TextSection.license.rawValue])
    #expect(texts(whole).isSuperset(of: [TextSection.tokenizerJSON.rawValue]))
    #expect(file.modelDigest == whole.modelDigest)
  }

  /// Every int4 tensor has the levels, nothing else has; the recipe says so.
  @Test func codebooksAreOfInt4Only() throws {
    let fixture = try Fixture("qwen2-tiny-untied")
    for (recipe, summary) in [
      (
        WeightRecipe(grid: .codebook),
        "weights int4, group 64, codebook levels, method rtn, embedding int8, head int8"
      ),
      (
        WeightRecipe(weights: .f16, head: .int4, grid: .codebook),
        "weights f16, group 64, codebook levels, method rtn, embedding f16, head int4"
      ),
    ] {
      let file = try fixture.pack(recipe)
      #expect(try file.provenance()?["recipe"] == .text(summary))
      #expect(try file.provenance()?["recipe.codebook"] == .text("levels"))
      for index in 0..<file.tensors.count {
        let format = file.tensors[index].format
        #expect((format.codebook != nil) == (format.encoding == .int4) && !format.isAsymmetric)
      }
    }
    let linear = try fixture.pack(WeightRecipe(weights: .int8, grid: .codebook))
    #expect(linear.identity.incompatibleFeatures == 0)
    #expect(try linear.provenance()?["recipe.codebook"] == nil)
  }

  @Test func bfloat16IsExact() throws {
    let fixture = try Fixture("llama3-tiny")
    let source = try source(fixture)
    let file = try fixture.pack(WeightRecipe(weights: .bf16))
    for (name, expected) in source {
      #expect(decoded(try #require(file.tensors.find(name))) == expected)
    }
  }

  @Test func threadsDoNotMatter() throws {
    let fixture = try Fixture("qwen2-tiny-untied")
    let one = try fixture.packedBytes(threads: 1)
    #expect(try fixture.packedBytes(threads: 2) == one)
    #expect(try fixture.packedBytes(threads: 7) == one)
  }

  @Test func newerConfigurationLayoutIsTheSameModel() throws {
    let fixture = try Fixture("qwen2-tiny-untied")
    let older = try fixture.pack()
    try fixture.write("config.json", fixture.bytes("config_transformers5/config.json"))
    let newer = try fixture.pack()
    #expect(older.configuration == newer.configuration)
    #expect(older.modelDigest == newer.modelDigest)
    #expect(older.fileDigest != newer.fileDigest)
  }

  @Test func oddOffsetsDoNotMatter() throws {
    let fixture = try Fixture("qwen2-tiny-tied")
    let digest = try fixture.pack().modelDigest
    let tensors = try SafetensorsFile(fixture.bytes("model.safetensors"))
    for padding in [1, 2, 3, 5] {
      try fixture.write("model.safetensors", tensors.bytes(padding: padding))
      #expect(try fixture.pack().modelDigest == digest)
    }
  }

  @Test func configurationIsComplete() throws {
    let configuration = try Fixture("llama3-tiny").pack().configuration
    #expect(configuration.architecture == "llama")
    #expect(configuration.formerName.isEmpty)
    #expect(configuration.hiddenSize == 64)
    #expect(configuration.layerCount == 2)
    #expect((configuration.headCount, configuration.keyValueHeadCount) == (4, 2))
    #expect(configuration.headDimension == 16)
    #expect(configuration.feedForwardSize == 128)
    #expect(configuration.vocabularySize == 512)
    #expect(configuration.contextLength == 131072)
    #expect(configuration.normEpsilon == 1e-5)
    #expect(!configuration.hasAttentionBias && !configuration.isEmbeddingTied)
    #expect(configuration.bosToken == 493 && configuration.addsBOS)
    #expect(configuration.eosTokens == [490])
    #expect(configuration.sampling.temperature == 0.6)
    #expect(configuration.sampling.topP == 0.95)
    #expect(configuration.sampling.topK == 50)
  }

  /// A name is for people: whatever the folder and `--name` are, it is one model, and without a name
  /// the same bytes.
  @Test func namesAreNoPartOfTheModel() throws {
    let fixture = try Fixture("qwen2-tiny-tied")
    let named = try ["a", "the ward's é"].map { name in
      let (file, _, _) = try fixture.packed { $0.modelName = name }
      #expect(try file.modelName() == name)
      #expect(try file.provenance()?["base_model"] == nil)
      return file
    }
    #expect(named[0].modelDigest == named[1].modelDigest)
    #expect(named[0].fileDigest != named[1].fileDigest)
    let nameless = try fixture.packed { $0.modelName = nil }.file
    #expect(try nameless.modelName().isEmpty)
    #expect(nameless.modelDigest == named[0].modelDigest)
    let folders = TemporaryFolder()
    for name in ["one", "two"] {
      try FileManager.default.copyItem(at: fixture.folder, to: folders.url(name))
      let copy = try fixture.packed {
        $0.modelName = nil
        $0.sourcePath = folders.path(name)
      }.file
      #expect(copy.fileDigest == nameless.fileDigest)
    }
    // What the checkpoint says of itself is a name, too.
    try fixture.edit(
      "config.json", "\"bos_token_id\"", "\"_name_or_path\": \"clinic/tiny\", \"bos_token_id\"")
    let own = try fixture.packed { $0.modelName = nil }.file
    #expect(try own.modelName() == "clinic/tiny")
    #expect(try own.provenance()?["base_model"] == .text("clinic/tiny"))
    #expect(own.modelDigest == nameless.modelDigest)
  }

  @Test func textsAndProvenanceTravel() throws {
    let fixture = try Fixture("qwen2-tiny-tied")
    try fixture.write("README.md", Array("---\nlicense: apache-2.0\n---\n# Card\n".utf8))
    try fixture.write("LICENSE", [0x63, 0xFF, 0xFE])
    let file = try fixture.pack()
    #expect(try file.text(.tokenizerJSON)?.copied() == fixture.bytes("tokenizer.json"))
    #expect(try file.text(.configJSON)?.copied() == fixture.bytes("config.json"))
    #expect(try file.text(.modelCard)?.copied() == fixture.bytes("README.md"))
    #expect(try file.text(.license) == nil)
    let provenance = try #require(try file.provenance())
    #expect(provenance["licence"] == .text("apache-2.0"))
    #expect(
      provenance["recipe"]
        == .text("weights int4, group 64, method rtn, embedding int8, head int8"))
    guard case .textArray(let digests) = provenance["source.digests"] else {
      Issue.record("no source digests")
      return
    }
    #expect(digests.count == 7)
    #expect(
      digests.allSatisfy { $0.utf8.count > 66 && $0.dropFirst(64).hasPrefix("  ") })
  }

  @Test func tokenizerKnowsItsFirstTokenBest() throws {
    // DeepSeek's distilled Qwens name the end token as bos_token_id in config.json.
    let fixture = try Fixture("qwen2-tiny-tied")
    try fixture.edit("config.json", "\"bos_token_id\": 493", "\"bos_token_id\": 490")
    let configuration = try fixture.pack().configuration
    #expect(configuration.bosToken == 493)
    try fixture.edit("tokenizer_config.json", "\"add_bos_token\": true", "\"add_bos_token\": false")
    #expect(try fixture.pack().configuration.addsBOS == false)
  }

  @Test func endTokensAreJoined() throws {
    let fixture = try Fixture("qwen2-tiny-tied")
    try fixture.edit(
      "generation_config.json", "\"eos_token_id\": 490", "\"eos_token_id\": [494, 490, 491]")
    #expect(try fixture.pack().configuration.eosTokens == [490, 491, 494])
  }

  @Test func greedyWithoutSampling() throws {
    let fixture = try Fixture("qwen2-tiny-tied")
    try fixture.edit("generation_config.json", "\"do_sample\": true", "\"do_sample\": false")
    #expect(try fixture.pack().configuration.sampling.temperature == 0)
    try FileManager.default.removeItem(at: fixture.url("generation_config.json"))
    #expect(try fixture.pack().configuration.sampling.temperature == 0)
  }

  @Test func chatTemplateTravels() throws {
    let fixture = try Fixture("qwen2-tiny-tied")
    let file = try fixture.pack()
    #expect(file.section(.chatTemplate) != nil)
    #expect(try file.text(.chatTemplateSource) != nil)
    try fixture.write("chat_template.jinja", Array("{{ messages | xmlattr }}".utf8))
    let warnings = Mutex<[String]>([])
    _ = try Packer.pack(
      fixture.options(),
      observer: PackObserver(warning: { line in warnings.withLock { $0.append(line) } }))
    #expect(warnings.withLock { $0 }.contains { $0.contains("--raw") })
    let without = try FormatReader.open(
      ByteRegion(copying: Array(try Data(contentsOf: URL(fileURLWithPath: fixture.output)))))
    #expect(without.section(.chatTemplate) == nil)
    #expect(
      try without.text(.chatTemplateSource)?.copied() == Array("{{ messages | xmlattr }}".utf8))
  }

  /// A reader that does not know the newer operations must not open a file whose template has them.
  @Test func newerTemplateOperationsAreAFeature() throws {
    let fixture = try Fixture("qwen2-tiny-tied")
    for (template, feature) in [
      ("{{ messages[0].content }}", 0), ("{{ messages[0].content.capitalize() }}", 0),
      ("{{ messages[0].content.title() }}", 4), ("{{ messages[0].content.rfind('x') }}", 4),
      ("{{ messages[0].role.split(messages[0].content) | join }}", 4),
    ] as [(String, UInt64)] {
      try fixture.write("chat_template.jinja", Array(template.utf8))
      #expect(try fixture.pack().identity.incompatibleFeatures == feature, "\(template)")
    }
  }

  @Test func unknownTensorsAreNamed() throws {
    let fixture = try Fixture("qwen2-tiny-tied")
    var source = try SafetensorsFile(fixture.bytes("model.safetensors"))
    var head = try #require(source["model.embed_tokens.weight"])
    head.name = "lm_head.weight"
    source.tensors.append(head)
    for name in ["model.layers.0.self_attn.rotary_emb.inv_freq", "model.extra"] {
      source.tensors.append(.init(name: name, type: "F32", shape: [1], data: [0, 0, 0, 0]))
    }
    try fixture.write("model.safetensors", source.bytes())
    let warnings = Mutex<[String]>([])
    _ = try Packer.pack(
      fixture.options(),
      observer: PackObserver(warning: { line in warnings.withLock { $0.append(line) } }))
    #expect(warnings.withLock { $0.count } == 1)
    #expect(warnings.withLock { $0.first?.contains("model.extra") } == true)
  }

  @Test func randomWeightsNeedNoCheckpoint() throws {
    let fixture = try Fixture("qwen2-tiny-tied")
    try FileManager.default.removeItem(at: fixture.url("model.safetensors"))
    var options = fixture.options()
    options.randomSeed = 7
    let first = try Packer.pack(options)
    options.threadCount = 1
    #expect(try Packer.pack(options).fileDigest == first.fileDigest)
    options.randomSeed = 8
    #expect(try Packer.pack(options).modelDigest != first.modelDigest)
  }

  /// The tied fixture with a feed-forward width of 172, which no group divides.
  private func wideFixture() throws -> Fixture {
    let fixture = try Fixture("qwen2-tiny-tied")
    try fixture.edit("config.json", "\"intermediate_size\": 128", "\"intermediate_size\": 172")
    var source = try SafetensorsFile(fixture.bytes("model.safetensors"))
    for index in source.tensors.indices where source.tensors[index].name.contains(".mlp.") {
      let data = source.tensors[index].data
      if source.tensors[index].shape[0] == 128 {
        source.tensors[index].shape = [172, 64]
        source.tensors[index].data = data + data[..<(44 * 64 * 4)]
      } else {
        source.tensors[index].shape = [64, 172]
        var wider: [UInt8] = []
        for row in stride(from: 0, to: data.count, by: 512) {
          wider += data[row..<row + 512]
          wider += data[row..<row + 176]
        }
        source.tensors[index].data = wider
      }
    }
    try fixture.write("model.safetensors", source.bytes())
    return fixture
  }

  @Test(arguments: WeightRecipe.Group.allCases)
  func aFeedForwardOf172(_ group: WeightRecipe.Group) throws {
    let fixture = try wideFixture()
    let source = try source(fixture)
    for encoding in TensorEncoding.allCases {
      let file = try fixture.pack(WeightRecipe(weights: encoding, group: group))
      #expect(try Verifier(file).verify().problems.isEmpty)
      for (name, expected) in source {
        let values = decoded(try #require(file.tensors.find(name)))
        let error = zip(values, expected).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        let energy = expected.reduce(0) { $0 + $1 * $1 }
        #expect(error <= 0.0121 * energy, "\(name) in \(encoding), group \(group)")
      }
    }
  }

  @Test(arguments: WeightRecipe.Group.allCases)
  func groupsThatDoNotDivide(_ group: WeightRecipe.Group) throws {
    let fixture = try Fixture("qwen2-tiny-tied")
    try fixture.edit("config.json", "\"intermediate_size\": 128", "\"intermediate_size\": 172")
    try fixture.edit("config.json", "\"hidden_size\": 64", "\"hidden_size\": 72")
    try fixture.edit("config.json", "\"vocab_size\": 512", "\"vocab_size\": 515")
    var options = fixture.options()
    options.randomSeed = 1
    for encoding in TensorEncoding.allCases {
      options.recipe = WeightRecipe(weights: encoding, group: group, embedding: encoding)
      _ = try Packer.pack(options)
      let file = try FormatReader.open(
        ByteRegion(copying: Array(try Data(contentsOf: URL(fileURLWithPath: fixture.output)))))
      for index in 0..<file.tensors.count {
        let tensor = file.tensors[index]
        // decoded() checks scales, zero points and padding as well.
        let values = decoded(tensor)
        #expect(values.count == tensor.shape.elementCount)
        #expect(values.allSatisfy { abs($0) <= 1 })
      }
    }
  }

  @Test func randomWeightsHaveTheirDeviation() {
    var generator = WeightGenerator(seed: 1, tensor: 3, row: 5)
    let values = UnsafeMutableBufferPointer<Float>.allocate(capacity: 100_000)
    defer { values.deallocate() }
    generator.fill(values, deviation: 0.02)
    let mean = values.reduce(0.0) { $0 + Double($1) } / 1e5
    let variance = values.reduce(0.0) { $0 + Double($1) * Double($1) } / 1e5
    #expect(abs(mean) < 3e-4)
    #expect(abs(variance.squareRoot() - 0.02) < 2e-4)
  }
}

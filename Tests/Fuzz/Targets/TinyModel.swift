// The smallest file that has everything: a model of one layer that answers, tokenizer, chat template,
// texts, provenance. Where hostile files start from.
// Owns: its content. Deterministic; a fresh one verifies.
import VialFormat
import VialPacking

/// A valid model file of some 90 KB, most of them zeros.
public enum TinyModel {
  private struct Tensor {
    let name: String
    var format: TensorFormat
    let shape: [Int]
    var section: UInt64 = 0
  }

  /// The file.
  public static let bytes: [UInt8] = make(tensors)

  /// The same model with levels in one of its tensors, which needs feature *codebooks*.
  public static let withCodebook: [UInt8] = make(
    tensors.map { tensor in
      var tensor = tensor
      if tensor.format == symmetric { tensor.format.codebook = codebook }
      return tensor
    })

  static let tableOffset = Int(FileSeal.long(bytes, 4096 + 16))

  /// Its first 12,288 bytes without a root.
  static let header: [UInt8] = Array(bytes[..<4096]) + [UInt8](repeating: 0, count: 8192)

  /// The same file with a second root of generation 2 in slot B.
  public static let twoRoots: [UInt8] = {
    var file = bytes
    FileSeal.put(Array(file[4096..<8192]), 8192, &file)
    file[8192 + 8] = 2
    FileSeal.seal(&file, .slots)
    return file
  }()

  static let configuration: [UInt8] = section(.configuration)
  static let tensorTable: [UInt8] = section(.tensorTable)
  public static let tokenizer: [UInt8] = section(.tokenizer)
  public static let chatTemplate: [UInt8] = section(.chatTemplate)
  static let weights: [UInt8] = section(.weights)

  private static func section(_ kind: SectionKind) -> [UInt8] {
    let file = try? FormatReader.open(ByteRegion(copying: bytes))
    guard let found = file?.section(kind) else { fatalError("the tiny model lacks a section") }
    return found.copied()
  }

  private static let int4 = TensorFormat(.int4, group: 32, isAsymmetric: true)
  private static let symmetric = TensorFormat(.int4, group: 64)
  private static let codebook = Codebook((0..<16).map { Int8(16 * $0 - 120) })

  private static let tensors: [Tensor] = {
    let layer = "model.layers.0."
    let attention = layer + "self_attn."
    return [
      Tensor(name: "model.embed_tokens.weight", format: .init(.int8, group: 32), shape: [112, 24]),
      Tensor(name: "model.norm.weight", format: .init(.f32), shape: [24]),
      Tensor(name: layer + "input_layernorm.weight", format: .init(.f32), shape: [24]),
      Tensor(name: layer + "post_attention_layernorm.weight", format: .init(.f32), shape: [24]),
      Tensor(name: attention + "q_proj.weight", format: int4, shape: [16, 24]),
      Tensor(name: attention + "q_proj.bias", format: .init(.f32), shape: [16]),
      Tensor(name: attention + "k_proj.weight", format: .init(.f16), shape: [8, 24]),
      Tensor(name: attention + "k_proj.bias", format: .init(.f32), shape: [8]),
      Tensor(name: attention + "v_proj.weight", format: .init(.bf16), shape: [8, 24]),
      Tensor(name: attention + "v_proj.bias", format: .init(.f32), shape: [8]),
      Tensor(name: attention + "o_proj.weight", format: .init(.f32), shape: [24, 16]),
      Tensor(name: layer + "mlp.gate_proj.weight", format: symmetric, shape: [40, 24]),
      Tensor(name: layer + "mlp.up_proj.weight", format: int4, shape: [40, 24]),
      Tensor(name: layer + "mlp.down_proj.weight", format: int4, shape: [24, 40]),
    ]
  }()

  /// The model with prompt templates, a vocabulary that schemas can use, and room for what is asked.
  static func asking(_ prompts: [PromptTemplateFile]) -> [UInt8] {
    var tensors = tensors
    tensors[0] = Tensor(name: tensors[0].name, format: tensors[0].format, shape: [272, 24])
    return make(
      tensors,
      Parts(
        tokenizer: TinyTokenizer.everyByte, vocabularySize: 272, contextLength: 4096,
        prompts: prompts))
  }

  /// What differs between the models beside their tensors.
  private struct Parts {
    var tokenizer = TinyTokenizer.byteLevel
    var vocabularySize = 112
    var contextLength = 64
    var prompts: [PromptTemplateFile] = []
  }

  private static func make(_ tensors: [Tensor], _ parts: Parts = Parts()) -> [UInt8] {
    do {
      return try write(tensors, parts)
    } catch { fatalError("the tiny model cannot be written: \(error)") }
  }

  private static func write(_ tensors: [Tensor], _ parts: Parts) throws -> [UInt8] {
    let tokenizer = try TokenizerTables.build(tokenizerJSON: parts.tokenizer)
    var writer = FileWriter(MemorySink())
    try writer.add(.configuration, configuration(parts).encoded())
    var table = TensorTableBuilder()
    let placements = try tensors.map { try table.add($0.name, $0.format, shape: $0.shape) }
    writer.identity.incompatibleFeatures = table.incompatibleFeatures
    try writer.add(.tensorTable, table.build())
    try writer.add(.tokenizer, tokenizer.section)
    try writer.add(
      .chatTemplate,
      ChatTemplateCompiler.compile(TinyTokenizer.chatTemplate, specialTokens: [:]).section)
    for prompt in parts.prompts {
      try writer.add(.promptTemplate, id: prompt.sectionID, prompt.section)
    }
    var provenance = KeyValueBuilder()
    provenance["base_model"] = .text("tiny")
    provenance["source.digests"] = .textArray(["00  config.json", ""])
    provenance["recipe.group"] = .unsigned(32)
    provenance["calibration.digest"] = .bytes([1, 2, 3])
    try writer.add(.provenance, provenance.build())
    try writer.add(.text, id: 4, Array("# tiny\n".utf8))
    try writer.add(
      .text, id: 5, codec: .lz4, Array(String(repeating: "Do as you like. ", count: 40).utf8))
    try writer.add(SectionKind(rawValue: 0x8000_0001), id: 7, [1, 2, 3])
    try writer.begin(.weights)
    for (index, (tensor, placement)) in zip(tensors, placements).enumerated() {
      try writer.appendZeros(upTo: placement.offset)
      try writer.append(TinyWeights.bytes(tensor.format, tensor.shape, seed: index).rawSpan)
    }
    try writer.end()
    _ = try writer.finish()
    return writer.takeSink().bytes
  }

  private static func configuration(_ parts: Parts) -> ModelConfiguration {
    ModelConfiguration(
      architecture: "qwen2", formerName: "tiny", hiddenSize: 24, layerCount: 1, headCount: 2,
      keyValueHeadCount: 1, headDimension: 8, hasAttentionBias: true, feedForwardSize: 40,
      vocabularySize: parts.vocabularySize, contextLength: parts.contextLength, normEpsilon: 1e-6,
      ropeInverseFrequencies: [1, 0.1, 0.01, 0.001], isEmbeddingTied: true, bosToken: 3,
      addsBOS: true, eosTokens: [1, 2],
      sampling: .init(temperature: 0.6, topP: 0.95, minP: 0, repetitionPenalty: 1.1, topK: 20))
  }
}

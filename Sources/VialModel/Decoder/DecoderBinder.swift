// Owns: finding a decoder's tensors by name and checking each against the configuration.
// Must not: touch weight bytes.
// Source: Spec/MODELS.md, R-701 to R-704.

import VialCompute
import VialFormat

/// Binds the tensors that all decoders of this family have.
struct DecoderBinder {
  /// The tensor of which a step reads single rows, unless it is also the head.
  static let embeddingName = "model.embed_tokens.weight"
  /// The head, unless it is the embedding.
  static let headName = "lm_head.weight"

  private let file: VialFile
  private let shape: DecoderShape

  init(_ file: VialFile) {
    self.file = file
    let configuration = file.configuration
    shape = DecoderShape(
      hiddenSize: configuration.hiddenSize, layerCount: configuration.layerCount,
      headCount: configuration.headCount, kvHeadCount: configuration.keyValueHeadCount,
      headDimension: configuration.headDimension,
      feedForwardSize: configuration.feedForwardSize,
      vocabularySize: configuration.vocabularySize,
      normEpsilon: Float(configuration.normEpsilon))
  }

  func bind(hasAttentionBias: Bool) throws(FormatError) -> DecoderWeights {
    let embedding = try matrix(
      Self.embeddingName, rows: shape.vocabularySize, columns: shape.hiddenSize)
    var layers: [DecoderLayer] = []
    for index in 0..<shape.layerCount {
      layers.append(try layer(index, hasAttentionBias: hasAttentionBias))
    }
    let head =
      file.configuration.isEmbeddingTied
      ? embedding
      : try matrix(Self.headName, rows: shape.vocabularySize, columns: shape.hiddenSize)
    return DecoderWeights(
      shape: shape, embedding: embedding, layers: layers,
      finalNorm: try vector("model.norm.weight", count: shape.hiddenSize),
      head: Projection(head), rotaryFrequencies: file.configuration.ropeInverseFrequencies)
  }

  private func layer(
    _ index: Int, hasAttentionBias: Bool
  ) throws(FormatError) -> DecoderLayer {
    let (hidden, wide) = (shape.hiddenSize, shape.feedForwardSize)
    let prefix = "model.layers.\(index)."
    let attention = prefix + "self_attn."
    func weight(_ name: String, _ rows: Int, _ columns: Int) throws(FormatError) -> WeightMatrix {
      try matrix(prefix + name + ".weight", rows: rows, columns: columns)
    }
    return DecoderLayer(
      inputNorm: try vector(prefix + "input_layernorm.weight", count: hidden),
      attentionInput: Projection(
        try weight("self_attn.q_proj", shape.queryWidth, hidden),
        try weight("self_attn.k_proj", shape.keyWidth, hidden),
        try weight("self_attn.v_proj", shape.keyWidth, hidden)),
      attentionBiases: hasAttentionBias
        ? (
          try vector(attention + "q_proj.bias", count: shape.queryWidth),
          try vector(attention + "k_proj.bias", count: shape.keyWidth),
          try vector(attention + "v_proj.bias", count: shape.keyWidth)
        ) : nil,
      attentionOutput: Projection(try weight("self_attn.o_proj", hidden, shape.queryWidth)),
      feedForwardNorm: try vector(
        prefix + "post_attention_layernorm.weight", count: hidden),
      feedForwardInput: Projection(
        try weight("mlp.gate_proj", wide, hidden), try weight("mlp.up_proj", wide, hidden),
        isGated: true),
      feedForwardOutput: Projection(try weight("mlp.down_proj", hidden, wide)))
  }

  private func find(_ name: String) throws(FormatError) -> TensorDescriptor {
    guard let tensor = file.tensors.find(name) else {
      throw FormatError(
        rule: 703, offset: 0, context: "tensor table",
        "a tensor that the architecture needs is missing")
    }
    return tensor
  }

  private func wrongShape(_ tensor: TensorDescriptor) -> FormatError {
    FormatError(
      rule: 704, offset: UInt64(tensor.index), context: "tensor table, entry",
      "a tensor does not have the shape that the configuration gives it")
  }

  private func matrix(
    _ name: String, rows: Int, columns: Int
  ) throws(FormatError) -> WeightMatrix {
    let tensor = try find(name)
    guard tensor.shape.rank == 2, tensor.shape[0] == rows, tensor.shape[1] == columns,
      let rowCount = UInt32(exactly: rows), let columnCount = UInt32(exactly: columns),
      let matrix = WeightMatrix(
        region: tensor.region, encoding: UInt8(tensor.format.encoding.rawValue),
        rows: rowCount, columns: columnCount, group: UInt32(tensor.format.group),
        isAsymmetric: tensor.format.isAsymmetric, codebook: tensor.format.codebook)
    else { throw wrongShape(tensor) }
    return matrix
  }

  private func vector(_ name: String, count: Int) throws(FormatError) -> WeightVector {
    let tensor = try find(name)
    guard tensor.shape.rank == 1, tensor.shape[0] == count,
      let vector = WeightVector(region: tensor.region, count: count)
    else { throw wrongShape(tensor) }
    return vector
  }
}

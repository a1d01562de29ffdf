// Owns: binding a file's tensors to the slots of its architecture, and checking each against the
// configuration.
// Must not: touch weight bytes, or name a tensor: the architecture's rules do.
// Source: Spec/MODELS.md, R-701 to R-704.

import VialArchitectures
import VialCompute
import VialFormat

/// Binds the tensors of a decoder.
struct DecoderBinder {
  private let file: VialFile
  private let architecture: Architecture
  private let sizes: ArchitectureSizes
  private let shape: DecoderShape

  /// - Throws.
  init(_ file: VialFile) throws(FormatError) {
    self.file = file
    architecture = try Self.architecture(of: file)
    sizes = ArchitectureSizes(file.configuration)
    shape = DecoderShape(file.configuration, architecture.traits)
  }

  /// The architecture of a file.
  /// - Throws.
  static func architecture(of file: VialFile) throws(FormatError) -> Architecture {
    guard let architecture = Architecture.named(file.configuration.architecture) else {
      throw FormatError(
        rule: 701, offset: 0, context: "configuration", "this architecture is not known")
    }
    let isRight: Bool
    switch architecture.traits.attentionBias {
    case .always: isRight = file.configuration.hasAttentionBias
    case .never: isRight = !file.configuration.hasAttentionBias
    case .stated: isRight = true
    }
    guard isRight else {
      throw FormatError(
        rule: 702, offset: 0, context: "configuration",
        "attention biases are not those of the architecture")
    }
    return architecture
  }

  func bind() throws(FormatError) -> DecoderWeights {
    let embedding = try matrix(Architecture.embedding, layer: nil)
    var layers: [DecoderLayer] = []
    for index in 0..<shape.layerCount { layers.append(try layer(index)) }
    var (finalNorm, head): (WeightVector?, WeightMatrix) = (nil, embedding)
    for rule in Architecture.ending where sizes.presences.contains(rule.presence) {
      if rule.role == .head { head = try matrix(rule, layer: nil) }
      if rule.role == .norm { finalNorm = try vector(rule, layer: nil) }
    }
    guard let finalNorm else { throw Self.missing() }
    return DecoderWeights(
      shape: shape, embedding: embedding, layers: layers, finalNorm: finalNorm,
      head: Projection(head), rotaryFrequencies: file.configuration.ropeInverseFrequencies,
      longRotaryFrequencies: file.configuration.traits.longRope?.inverseFrequencies,
      secondRotaryFrequencies: file.configuration.traits.secondInverseFrequencies)
  }

  private func layer(_ index: Int) throws(FormatError) -> DecoderLayer {
    var matrices: [TensorSlot: WeightMatrix] = [:]
    var vectors: [TensorSlot: WeightVector] = [:]
    for rule in architecture.layer where sizes.presences.contains(rule.presence) {
      if rule.role.isVector {
        vectors[rule.slot] = try vector(rule, layer: index)
      } else {
        matrices[rule.slot] = try matrix(rule, layer: index)
      }
    }
    func projection(_ site: ProjectionSite) throws(FormatError) -> Projection {
      var found: [WeightMatrix] = []
      for slot in site.slots {
        guard let matrix = matrices[slot] else { throw Self.missing() }
        found.append(matrix)
      }
      let biases = site.slots.compactMap { slot in slot.bias.flatMap { vectors[$0] } }
      return Projection(
        found, isGated: site == .feedForwardInput,
        biases: biases.count == found.count ? biases : [])
    }
    return DecoderLayer(
      inputNorm: vectors[.inputNorm], attentionInput: try projection(.attentionInput),
      queryNorm: vectors[.queryNorm], keyNorm: vectors[.keyNorm],
      rotary: file.configuration.traits.rotaryTables?[index] ?? .first,
      attentionOutput: try projection(.attentionOutput),
      attentionOutputNorm: vectors[.attentionOutputNorm],
      feedForwardNorm: vectors[.feedForwardNorm],
      feedForwardInput: try projection(.feedForwardInput),
      feedForwardOutput: try projection(.feedForwardOutput),
      feedForwardOutputNorm: vectors[.feedForwardOutputNorm])
  }

  private static func missing() -> FormatError {
    FormatError(
      rule: 703, offset: 0, context: "tensor table",
      "a tensor that the architecture needs is missing")
  }

  /// The tensor of a rule, which must have that shape.
  private func find(_ rule: TensorRule, layer: Int?) throws(FormatError) -> TensorDescriptor {
    guard let tensor = file.tensors.find(rule.name(layer: layer)) else { throw Self.missing() }
    let shape = rule.shape.map { sizes[$0] }
    guard tensor.shape.rank == shape.count,
      shape.indices.allSatisfy({ tensor.shape[$0] == shape[$0] })
    else { throw wrongShape(tensor) }
    return tensor
  }

  private func wrongShape(_ tensor: TensorDescriptor) -> FormatError {
    FormatError(
      rule: 704, offset: UInt64(tensor.index), context: "tensor table, entry",
      "a tensor does not have the shape that the configuration gives it")
  }

  private func matrix(_ rule: TensorRule, layer: Int?) throws(FormatError) -> WeightMatrix {
    let tensor = try find(rule, layer: layer)
    guard tensor.shape.rank == 2, let rowCount = UInt32(exactly: tensor.shape[0]),
      let columnCount = UInt32(exactly: tensor.shape[1]),
      let matrix = WeightMatrix(
        region: tensor.region, encoding: UInt8(tensor.format.encoding.rawValue),
        rows: rowCount, columns: columnCount, group: UInt32(tensor.format.group),
        isAsymmetric: tensor.format.isAsymmetric, codebook: tensor.format.codebook)
    else { throw wrongShape(tensor) }
    return matrix
  }

  private func vector(_ rule: TensorRule, layer: Int?) throws(FormatError) -> WeightVector {
    let tensor = try find(rule, layer: layer)
    guard tensor.shape.rank == 1,
      let vector = WeightVector(region: tensor.region, count: tensor.shape[0])
    else { throw wrongShape(tensor) }
    return vector
  }
}

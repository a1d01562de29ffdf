// How a tensor is stored, and the recipe that gives every tensor of a model its encoding.
// Owns: the defaults of `vial pack` and what a recipe is called in provenance.

import CVialKernels
import VialFormat

/// The encodings that a weight tensor can be packed to.
public enum WeightEncoding: String, Sendable, CaseIterable {
  case int4, int8, f16, bf16, f32

  /// The kernels' id of the encoding.
  var kernelEncoding: vial_encoding {
    switch self {
    case .f32: return VIAL_ENCODING_F32
    case .f16: return VIAL_ENCODING_F16
    case .bf16: return VIAL_ENCODING_BF16
    case .int8: return VIAL_ENCODING_INT8
    case .int4: return VIAL_ENCODING_INT4
    }
  }

  /// The format's id of the encoding.
  var formatEncoding: TensorEncoding {
    switch self {
    case .f32: return .f32
    case .f16: return .f16
    case .bf16: return .bf16
    case .int8: return .int8
    case .int4: return .int4
    }
  }

  /// Whether elements are integers with a scale per group.
  var isQuantized: Bool { self == .int4 || self == .int8 }
}

/// Which encoding each kind of tensor gets.
public struct WeightRecipe: Sendable, Equatable {
  /// Elements per scale along a row, of int4 and int8 tensors.
  public enum Group: Int, Sendable, CaseIterable {
    case of32 = 32
    case of64 = 64
    case of128 = 128
  }

  /// What the integers of int4 tensors stand for.
  public enum Codebook: String, Sendable, CaseIterable {
    /// Themselves, less a zero point for each group.
    case linear
    /// Sixteen fixed levels, closer together near zero, without zero points.
    case levels
  }

  /// Linear layers; nil is int4, or what a source that is quantised already holds.
  public var weights: WeightEncoding?
  /// Group of every tensor that is quantised here, embedding and head included; nil is 64.
  public var group: Group?
  /// Of every int4 tensor that is rounded here, embedding and head included.
  public var codebook: Codebook
  /// Token embedding; nil takes the default for `weights`.
  public var embedding: WeightEncoding?
  /// Output head; nil takes the default for `weights`.
  public var head: WeightEncoding?

  /// A recipe; what is left out has `vial pack`'s defaults.
  public init(
    weights: WeightEncoding? = nil, group: Group? = nil, embedding: WeightEncoding? = nil,
    head: WeightEncoding? = nil, codebook: Codebook = .linear
  ) {
    self.weights = weights
    self.group = group
    self.embedding = embedding
    self.head = head
    self.codebook = codebook
  }

  /// What embedding and head are when nothing is said: int8 beside quantised layers (every token passes
  /// through them, and at int4 they cost more accuracy than any layer), else as the layers are.
  private var defaultEdge: WeightEncoding {
    let weights = weights ?? .int4
    return weights.isQuantized ? .int8 : weights
  }

  /// The encodings that hold for a model, or why the recipe contradicts itself.
  func resolved(tied: Bool) throws(PackingError) -> ResolvedRecipe {
    var recipe = ResolvedRecipe(
      weights: weights ?? .int4, group: group ?? .of64, embedding: embedding ?? defaultEdge,
      head: head ?? defaultEdge, asked: self)
    guard tied else { return recipe }
    if let embedding, let head, embedding != head {
      throw PackingError(
        "the head is the embedding in this model (tie_word_embeddings): --embedding \(embedding.rawValue)"
          + " and --head \(head.rawValue) must be equal, or one left out")
    }
    let shared = embedding ?? head
    recipe.embedding = shared ?? defaultEdge
    recipe.head = recipe.embedding
    recipe.asked.embedding = shared
    recipe.asked.head = shared
    return recipe
  }
}

/// A recipe with every default filled in.
struct ResolvedRecipe: Sendable, Equatable {
  var weights: WeightEncoding
  var group: WeightRecipe.Group
  var embedding: WeightEncoding
  var head: WeightEncoding
  /// What was asked for, before the defaults; a tied pair says the same twice.
  var asked: WeightRecipe
  /// What int4 integers stand for; with levels they have no zero points, else each group has one.
  var codebook: WeightRecipe.Codebook { asked.codebook }
  /// The group that was asked for; nil when nothing was said.
  var askedGroup: WeightRecipe.Group? { asked.group }

  /// The encoding of a tensor; vectors are always plain f32.
  func encoding(of role: TensorRole) -> WeightEncoding {
    switch role {
    case .vector: return .f32
    case .embedding: return embedding
    case .head: return head
    case .linear: return weights
    }
  }

  /// The encoding that was asked for; nil when a quantised source may decide.
  func explicitEncoding(of role: TensorRole) -> WeightEncoding? {
    switch role {
    case .vector: return .f32
    case .embedding: return asked.embedding
    case .head: return asked.head
    case .linear: return asked.weights
    }
  }
}

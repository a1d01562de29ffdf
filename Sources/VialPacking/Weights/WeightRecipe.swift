// Owns: the recipe that gives every tensor of a model its format, and the defaults of `vial pack`.
// Must not: read a tensor.

import CVialKernels
import VialArchitectures
package import VialFormat

extension TensorEncoding {
  /// The kernels' number of the encoding.
  var kernelEncoding: vial_encoding {
    switch self {
    case .f32: VIAL_ENCODING_F32
    case .f16: VIAL_ENCODING_F16
    case .bf16: VIAL_ENCODING_BF16
    case .int8: VIAL_ENCODING_INT8
    case .int4: VIAL_ENCODING_INT4
    }
  }
}

/// What the integers of int4 tensors stand for.
public enum QuantizationGrid: String, Sendable, CaseIterable {
  /// Themselves, minus a zero point for each group.
  case linear
  /// The sixteen entries of a fixed codebook, closer together near zero, without zero points.
  case codebook = "levels"
}

/// Which encoding each kind of tensor gets.
public struct WeightRecipe: Sendable, Equatable {
  /// Elements per scale along a row, of int4 and int8 tensors.
  public enum Group: Int, Sendable, CaseIterable {
    case of32 = 32
    case of64 = 64
    case of128 = 128
  }

  /// Linear layers; nil is int4, or what a source that is quantised already holds.
  package var weights: TensorEncoding?
  /// Group of every tensor that is quantised here, embedding and head included; nil is 64.
  public var group: Group?
  /// Of every int4 tensor that is rounded here, embedding and head included.
  public var grid: QuantizationGrid
  /// Token embedding; nil takes the default for `weights`.
  package var embedding: TensorEncoding?
  /// Output head; nil takes the default for `weights`.
  package var head: TensorEncoding?

  /// A recipe; what is left out has `vial pack`'s defaults.
  package init(
    weights: TensorEncoding? = nil, group: Group? = nil, embedding: TensorEncoding? = nil,
    head: TensorEncoding? = nil, grid: QuantizationGrid = .linear
  ) {
    self.weights = weights
    self.group = group
    self.embedding = embedding
    self.head = head
    self.grid = grid
  }

  /// What embedding and head are when nothing is said: int8 beside quantised layers (every token
  /// passes through them, and at int4 they cost more accuracy than any layer), else as the layers
  /// are.
  private var defaultEdge: TensorEncoding {
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
        "the head is the embedding in this model (tie_word_embeddings): --embedding \(embedding.name)"
          + " and --head \(head.name) must be equal, or one left out")
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
  var weights: TensorEncoding
  var group: WeightRecipe.Group
  var embedding: TensorEncoding
  var head: TensorEncoding
  /// What was asked for, before the defaults; a tied pair says the same twice.
  var asked: WeightRecipe
  /// What int4 integers stand for; with a codebook they have no zero points, else each group has
  /// one.
  var grid: QuantizationGrid { asked.grid }
  /// The group that was asked for; nil when nothing was said.
  var askedGroup: WeightRecipe.Group? { asked.group }

  /// The encoding of a tensor; vectors are always plain f32.
  func encoding(of role: TensorRole) -> TensorEncoding {
    switch role {
    case .norm, .bias: return .f32
    case .embedding: return embedding
    case .head: return head
    case .linear: return weights
    }
  }

  /// The encoding that was asked for; nil when a quantised source may decide.
  func explicitEncoding(of role: TensorRole) -> TensorEncoding? {
    switch role {
    case .norm, .bias: return .f32
    case .embedding: return asked.embedding
    case .head: return asked.head
    case .linear: return asked.weights
    }
  }
}

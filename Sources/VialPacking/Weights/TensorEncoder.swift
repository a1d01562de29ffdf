// How one planned tensor becomes bytes: tiles for matrices, plain f32 for vectors.

import VialFormat

/// The encoder of a planned tensor.
enum TensorEncoder: Sendable {
  /// A matrix in layout tile16.
  case tiles(TileEncoder)
  /// A vector of so many elements as plain f32.
  case vector(elementCount: Int)

  /// The encoder that a recipe gives a tensor.
  init(_ tensor: PlannedTensor, recipe: ResolvedRecipe) throws(PackingError) {
    if tensor.role == .vector {
      self = .vector(elementCount: tensor.columnCount)
    } else {
      self = .tiles(
        try TileEncoder(
          name: tensor.name, rowCount: tensor.rowCount, columnCount: tensor.columnCount,
          encoding: recipe.encoding(of: tensor.role), group: recipe.group,
          asymmetric: recipe.isAsymmetric))
    }
  }

  /// The tensor table's name for it.
  var format: TensorFormat {
    switch self {
    case .vector: return TensorFormat(.f32)
    case .tiles(let encoder): return encoder.format
    }
  }
}

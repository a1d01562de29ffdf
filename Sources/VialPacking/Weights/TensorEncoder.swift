// How one planned tensor becomes bytes: tiles for matrices, plain f32 for vectors.

import VialFormat

/// The encoder of a planned tensor.
enum TensorEncoder: Sendable {
  /// A matrix in layout tile16.
  case tiles(TileEncoder)
  /// A vector of so many elements as plain f32.
  case vector(elementCount: Int)

  /// The encoder of a tensor in its format; a vector has none.
  init(_ tensor: PlannedTensor, format: StorageFormat?) throws(PackingError) {
    if let format {
      self = .tiles(
        try TileEncoder(
          name: tensor.name, rowCount: tensor.rowCount, columnCount: tensor.columnCount,
          encoding: format.encoding, group: format.group, asymmetric: format.isAsymmetric))
    } else {
      self = .vector(elementCount: tensor.columnCount)
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

// Owns: how one planned tensor becomes bytes: tiles for matrices, plain f32 for vectors.
// Must not: choose a format, or write.

import VialArchitectures
import VialFormat

/// The encoder of a planned tensor.
enum TensorEncoder: Sendable {
  /// A matrix in layout tile16.
  case tiles(TileEncoder)
  /// A vector of so many elements as plain f32.
  case vector(elementCount: Int)

  /// The encoder of a tensor in its format; a vector has none.
  init(_ tensor: PlannedTensor, format: TensorFormat?) throws(PackingError) {
    if let format {
      self = .tiles(
        try TileEncoder(
          name: tensor.name, rowCount: tensor.rowCount, columnCount: tensor.columnCount,
          format: format))
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

  /// Tiles; a vector is one.
  var tileCount: Int {
    switch self {
    case .vector: return 1
    case .tiles(let encoder): return encoder.tileCount
    }
  }

  /// Bytes of one tile.
  var tileByteCount: Int {
    switch self {
    case .vector(let elementCount): return elementCount * 4
    case .tiles(let encoder): return encoder.tileByteCount
    }
  }

  /// Elements in a row, for the scratch.
  var columnCount: Int {
    switch self {
    case .vector(let elementCount): return elementCount
    case .tiles(let encoder): return encoder.columnCount
    }
  }

  /// Scales in a row, for the scratch.
  var groupCount: Int {
    switch self {
    case .vector: return 0
    case .tiles(let encoder): return encoder.groupCount
    }
  }

  /// Encodes one tile of `rows` into `buffer`, which is as long as a tile.
  func encode(
    tile: Int, of rows: any TensorRows, scratch: TileScratch,
    into buffer: UnsafeMutableRawBufferPointer
  ) throws(PackingError) {
    switch self {
    case .tiles(let encoder):
      guard let base = buffer.baseAddress else { return }
      try encoder.encode(
        tile: tile, of: rows, scratch: scratch, into: base.assumingMemoryBound(to: UInt8.self))
    case .vector(let elementCount):
      let values = UnsafeMutableBufferPointer(start: scratch.values, count: elementCount)
      try rows.read(rows: 0..<1, into: values, scratch: scratch.source)
      for index in values.indices {
        buffer.storeBytes(
          of: values[index].bitPattern.littleEndian, toByteOffset: 4 * index, as: UInt32.self)
      }
    }
  }
}

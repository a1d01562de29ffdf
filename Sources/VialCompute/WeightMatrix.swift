// Owns: the view of one weight matrix in the mapped file, checked once when it is made.
// Must not: read weights when made; opening a model touches no weight page.

public import CVialKernels
package import VialFormat

/// What a matrix's rows are stored in.
public enum Tile {
  /// Rows (outputs) of a tile; part of the format.
  @inlinable
  public static var rows: Int { 16 }
}

/// A weight matrix W[rows = outputs][columns = inputs] in tile order, borrowed from the file.
public struct WeightMatrix: @unchecked Sendable {
  /// What the kernels take. Its bytes stay valid as long as `region` lives.
  @usableFromInline let view: vial_tensor
  private let region: ByteRegion

  /// Number of outputs.
  public var rows: Int { Int(view.rows) }
  /// Number of inputs.
  public var columns: Int { Int(view.columns) }
  /// Bytes in the file.
  public var byteCount: Int { region.byteCount }
  /// Tiles of `Tile.rows` rows.
  public let tileCount: Int
  /// Bytes of a tile.
  public let tileByteCount: Int
  /// Inputs of a quantisation group; 0 for a float matrix.
  public var group: UInt32 { view.group }
  /// Whether products quantise their activations, in groups of `group`.
  public var isQuantized: Bool { view.group != 0 }
  /// Whether its groups have zero points.
  public var hasZeroPoints: Bool { view.asymmetric != 0 }

  /// A view of `region`, or nil unless the layout is known and the region has exactly its size.
  package init?(
    region: ByteRegion, encoding: UInt8, rows: UInt32, columns: UInt32, group: UInt32,
    isAsymmetric: Bool, codebook: Codebook? = nil
  ) {
    let bytes = region.baseAddress.assumingMemoryBound(to: UInt8.self)
    var view = vial_tensor()
    view.bytes = bytes
    view.rows = rows
    view.columns = columns
    view.group = group
    view.encoding = encoding
    view.asymmetric = isAsymmetric ? 1 : 0
    if let codebook {
      view.codebook = 1
      withUnsafeMutableBytes(of: &view.entries) { entries in
        for index in 0..<Codebook.entryCount { entries[index] = UInt8(bitPattern: codebook[index]) }
      }
    }
    var byteCount: UInt64 = 0
    let isSized = withUnsafePointer(to: view) { view in
      vial_tensor_is_valid(view) && vial_tensor_byte_count(view, &byteCount)
    }
    guard isSized, byteCount == UInt64(region.byteCount) else { return nil }
    self.view = view
    self.region = region
    self.tileCount = (Int(rows) + Tile.rows - 1) / Tile.rows
    self.tileByteCount = region.byteCount / max(1, tileCount)
  }

  /// The rows of some tiles; the last tile may have fewer than `Tile.rows`.
  @inlinable
  public func rows(of tiles: Range<Int>) -> Range<Int> {
    tiles.lowerBound * Tile.rows..<min(rows, tiles.upperBound * Tile.rows)
  }

  /// Prefetches the first bytes of a tile below `tileCount`, which will be read soon.
  @inlinable
  public func prefetch(tile: Int, byteCount: Int) {
    vial_prefetch(view.bytes + tile * tileByteCount, byteCount)
  }
}

// Owns: the working memory of one packing thread: sixteen rows in every form on the way to a tile.
// Must not: be shared between threads.

/// Buffers for one tile of a given width; contents are undefined between tiles.
final class TileScratch {
  /// Sixteen rows of floats.
  let values: UnsafeMutablePointer<Float>
  /// Sixteen rows of quantised or narrowed elements, four bytes of room each.
  let elements: UnsafeMutableRawPointer
  /// Sixteen rows of scales (f16 bits), one per group.
  let scales: UnsafeMutablePointer<UInt16>
  /// Sixteen rows of zero points, one per group.
  let zeros: UnsafeMutablePointer<UInt8>
  /// Bytes as read from a file: sixteen rows of up to eight bytes an element.
  let source: UnsafeMutableRawBufferPointer

  /// Memory for sixteen rows of `columnCount` elements (at least 1) in `groupCount` groups.
  init(columnCount: Int, groupCount: Int) {
    let elementCount = TileEncoder.tileRowCount * columnCount
    let scaleCount = TileEncoder.tileRowCount * max(1, groupCount)
    values = .allocate(capacity: elementCount)
    values.initialize(repeating: 0, count: elementCount)
    elements = .allocate(byteCount: elementCount * 4, alignment: 64)
    elements.initializeMemory(as: UInt8.self, repeating: 0, count: elementCount * 4)
    source = .allocate(byteCount: elementCount * 8, alignment: 64)
    scales = .allocate(capacity: scaleCount)
    scales.initialize(repeating: 0, count: scaleCount)
    zeros = .allocate(capacity: scaleCount)
    zeros.initialize(repeating: 8, count: scaleCount)
  }

  deinit {
    values.deallocate()
    elements.deallocate()
    source.deallocate()
    scales.deallocate()
    zeros.deallocate()
  }
}

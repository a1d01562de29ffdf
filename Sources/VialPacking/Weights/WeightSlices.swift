// Owns: the cutting of a file's tensors into slices of some megabytes: what is encoded, hashed and
// written at a time.
// Must not: encode.
// Small tensors share a slice, so that the threads always have enough to do.

/// Consecutive bytes of the weights section.
package struct WeightSlice: Sendable {
  /// Tiles of one tensor inside a slice; a vector is one tile.
  package struct Part: Sendable {
    /// Index of the tensor.
    package var tensor: Int
    package var tiles: Range<Int>
    /// Where the first tile begins, in bytes from the start of the slice.
    package var start: Int
  }

  /// Offset in the section.
  package var offset: UInt64
  package private(set) var byteCount = 0
  package private(set) var parts: [Part] = []
  /// Bytes of the checkpoint that are read for it: the unit of progress.
  package private(set) var sourceByteCount: UInt64 = 0

  /// Tiles of all parts.
  package var tileCount: Int { parts.reduce(0) { $0 + $1.tiles.count } }

  fileprivate mutating func add(_ part: Part, byteCount: Int, sourceByteCount: UInt64) {
    parts.append(part)
    self.byteCount = part.start + byteCount
    self.sourceByteCount += sourceByteCount
  }

  /// The part and the tile at place `index` of all tiles, which is below `tileCount`.
  package func tile(_ index: Int) -> (part: Part, tile: Int) {
    var rest = index
    for part in parts {
      if rest < part.tiles.count { return (part, part.tiles.lowerBound + rest) }
      rest -= part.tiles.count
    }
    preconditionFailure("a slice has no tile \(index)")
  }
}

/// All slices of a file, one after another.
package struct WeightSlices: Sequence, IteratorProtocol {
  /// A tensor as the slices see it.
  package struct Tensor: Sendable {
    /// Offset in the section.
    var offset: UInt64
    var tileCount: Int
    var tileByteCount: Int
    var sourceByteCount: UInt64

    /// `tileCount` tiles of `tileByteCount` bytes from `offset`, made of `sourceByteCount` bytes.
    package init(offset: UInt64, tileCount: Int, tileByteCount: Int, sourceByteCount: UInt64) {
      self.offset = offset
      self.tileCount = tileCount
      self.tileByteCount = tileByteCount
      self.sourceByteCount = sourceByteCount
    }
  }

  /// Length of a slice in bytes, unless a single tile is longer.
  package static let byteCount = 16 << 20

  private let tensors: [Tensor]
  private var tensor = 0
  private var tile = 0

  /// Slices of `tensors`, whose offsets ascend.
  package init(_ tensors: [Tensor]) { self.tensors = tensors }

  package mutating func next() -> WeightSlice? {
    guard tensor < tensors.count else { return nil }
    let first = tensors[tensor]
    var slice = WeightSlice(offset: first.offset + UInt64(tile * first.tileByteCount))
    while tensor < tensors.count, add(tensors[tensor], to: &slice) {}
    return slice
  }

  /// Adds what fits of the current tensor; false when the slice is full.
  private mutating func add(_ current: Tensor, to slice: inout WeightSlice) -> Bool {
    let distance = current.offset + UInt64(tile * current.tileByteCount) - slice.offset
    guard distance < Self.byteCount else { return false }
    let start = Int(distance)
    let capacity = (Self.byteCount - start) / current.tileByteCount
    guard capacity > 0 || slice.parts.isEmpty else { return false }
    let end = Swift.min(tile + Swift.max(1, capacity), current.tileCount)
    // The last part takes what is left by rounding, so that the parts of a tensor add up to it.
    let perTile = current.sourceByteCount / UInt64(current.tileCount)
    let source =
      (end == current.tileCount ? current.sourceByteCount : perTile * UInt64(end))
      - perTile * UInt64(tile)
    slice.add(
      WeightSlice.Part(tensor: tensor, tiles: tile..<end, start: start),
      byteCount: (end - tile) * current.tileByteCount, sourceByteCount: source)
    tile = end
    guard tile == current.tileCount else { return false }
    tensor += 1
    tile = 0
    return true
  }
}

// Owns: where keys and values of a layer and head lie: in which of a row's pool blocks, and where
// in it; how many blocks a text needs.
// Must not: allocate or decide which blocks a sequence has.
// Source: Spec/ARITHMETIC.md, rule 10; layers with and without windows in one pool of equal blocks:
// vLLM's hybrid KV cache manager.

public import VialCompute

/// How the keys and values of 64 positions, a row, are divided into pool blocks.
///
/// Layers that see everything need all rows of a text, layers with a window those of the window. So
/// that the latter's memory can be given back, a row has one block for each group of layers with
/// the same window. All groups have as many layers, the last of a window excepted: one pool of
/// equal blocks serves all. A model without windows has one group. A block is `[layer of the
/// group][kv head]`.
public struct KVCacheLayout: Sendable {
  /// Positions in a block; part of the arithmetic contract.
  @inlinable
  public static var positionsPerBlock: Int { KVBlock.positionCount }
  /// Number type.
  public let type: KVCacheType
  /// Bytes of a pool block.
  public let blockByteCount: Int
  /// How many positions the layers of each group see; 0: all.
  public let windows: [Int]
  /// The most positions of a text whose keys are rotated by the ordinary frequencies; nil: all are.
  public let longTextLimit: Int?
  /// Positions that the model is for.
  let contextLength: Int
  /// Each layer's group.
  private let groups: [Int]
  /// Where a layer begins in its group's block.
  private let layerOffsets: [Int]
  private let headByteCount: Int
  private let kvHeadCount: Int

  /// The layout for a model, or nil when a block's size does not fit an Int.
  public init?(type: KVCacheType, shape: DecoderShape) {
    let head = KVBlock.byteCount(type, headDimension: shape.headDimension)
    let (perLayer, first) = head.multipliedReportingOverflow(by: shape.kvHeadCount)
    let division = LayerGroups(windows: shape.windows)
    let (total, second) = perLayer.multipliedReportingOverflow(by: division.layersPerGroup)
    guard head > 0, !first, !second else { return nil }
    self.type = type
    longTextLimit = shape.longTextLimit
    contextLength = shape.contextLength
    headByteCount = head
    kvHeadCount = shape.kvHeadCount
    blockByteCount = total
    windows = division.windows
    groups = division.groups
    layerOffsets = division.indices.map { $0 * perLayer }
  }

  /// Blocks of one row.
  public var groupCount: Int { windows.count }

  /// The group of a layer.
  @inline(__always)
  func group(ofLayer layer: Int) -> Int { groups[layer] }

  /// Byte offset of a layer's KV head inside a pool block of its group.
  @inline(__always)
  func offset(layer: Int, kvHead: Int) -> Int { layerOffsets[layer] + kvHead * headByteCount }

  /// Bytes of keys and values that attention reads for a token that sees so many positions where no
  /// window hides them.
  package func readByteCount(positionCount: Int) -> Double {
    let positions = groups.reduce(0.0) { sum, group in
      let window = windows[group]
      return sum + Double(window == 0 ? positionCount : min(window, positionCount))
    }
    return positions * Double(headByteCount * kvHeadCount) / Double(Self.positionsPerBlock)
  }

  // MARK: What texts need

  /// Rows of so many positions, the last one in part.
  package static func rowCount(_ positionCount: Int) -> Int {
    positionCount / positionsPerBlock + (positionCount % positionsPerBlock == 0 ? 0 : 1)
  }

  /// The first row that a group needs once so many positions are computed: those before are seen by
  /// no position of the row that is computed next, nor by a later one.
  package func firstRow(ofGroup group: Int, computedCount: Int) -> Int {
    let window = windows[group]
    guard window > 0 else { return 0 }
    let begin = computedCount / Self.positionsPerBlock * Self.positionsPerBlock
    return max(0, begin + 1 - window) / Self.positionsPerBlock
  }

  /// Rows that a group has at most while a text is computed row by row; nil: all.
  private func rowLimit(ofGroup group: Int) -> Int? {
    let window = windows[group]
    return window > 0 ? Self.rowCount(window - 1) + 2 : nil
  }

  /// Blocks that a text of so many positions needs when it is computed as far as that.
  package func blockCount(positionCount: Int) -> Int {
    blockCount(positionCount: positionCount, textCount: 1)
  }

  /// Blocks for texts with so many positions together, of which so many are computed at a time:
  /// layers with a window have no more than that of each.
  package func blockCount(positionCount: Int, textCount: Int) -> Int {
    let rows = Self.rowCount(positionCount)
    return windows.indices.reduce(0) { sum, group in
      let limit = rowLimit(ofGroup: group).map {
        $0.multipliedReportingOverflow(by: textCount)
      }
      let held = limit.map { $0.overflow ? rows : min(rows, $0.partialValue) } ?? rows
      let (blocks, overflow) = sum.addingReportingOverflow(held)
      return overflow ? .max : blocks
    }
  }

  /// The most positions for which so many blocks suffice; of a model that only has layers with
  /// windows, at least those that it is for.
  package func positionCount(blockCount: Int, textCount: Int = 1) -> Int {
    let most = max(contextLength, blockCount) / Self.positionsPerBlock + 1
    var rows = 0..<max(most, blockCount) + 1
    while rows.count > 1 {
      let middle = rows.lowerBound + rows.count / 2
      let needed = self.blockCount(
        positionCount: middle * Self.positionsPerBlock, textCount: textCount)
      rows =
        needed <= blockCount ? middle..<rows.upperBound : rows.lowerBound..<middle
    }
    return rows.lowerBound * Self.positionsPerBlock
  }
}

/// The division of a model's layers into groups of one window and of equal size.
package struct LayerGroups {
  /// The layers that a group has room for.
  package let layersPerGroup: Int
  /// The window of each group.
  package let windows: [Int]
  /// Each layer's group, and its index there.
  package let groups, indices: [Int]

  /// A row has no more blocks than this, so that a sequence's list of them stays small.
  private static let countLimit = 64

  /// Groups are as large as they can be, up to the rarest window's layers, with at most one place
  /// in sixteen empty; where that would be too many groups, larger ones with as few empty places as
  /// possible.
  package init(windows layers: [Int]) {
    var classes: [(window: Int, count: Int)] = []
    for window in layers {
      if let index = classes.firstIndex(where: { $0.window == window }) {
        classes[index].count += 1
      } else {
        classes.append((window, 1))
      }
    }
    let sizes = (1...(classes.map(\.count).max() ?? 1)).map { size in
      (size: size, count: classes.reduce(0) { $0 + ($1.count + size - 1) / size })
    }
    let possible = sizes.filter { $0.count <= Self.countLimit }
    let rarest = classes.map(\.count).min() ?? 1
    let full = possible.last {
      $0.size <= rarest && ($0.size * $0.count - layers.count) * 16 <= $0.size * $0.count
    }
    let fullest = possible.min { $0.size * $0.count < $1.size * $1.count }
    layersPerGroup = (full ?? fullest ?? sizes[sizes.count - 1]).size
    var (windows, groups, indices): ([Int], [Int], [Int]) = ([], [], [])
    // Of each window: the group that is being filled, and how many layers it has.
    var filling: [Int: (group: Int, count: Int)] = [:]
    for window in layers {
      var slot = filling[window] ?? (0, layersPerGroup)
      if slot.count == layersPerGroup {
        slot = (windows.count, 0)
        windows.append(window)
      }
      groups.append(slot.group)
      indices.append(slot.count)
      filling[window] = (slot.group, slot.count + 1)
    }
    (self.windows, self.groups, self.indices) = (windows, groups, indices)
  }
}

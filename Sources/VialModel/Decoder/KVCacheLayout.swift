// Owns: where keys and values of a layer and head lie inside a pool block.
// Must not: allocate or decide which blocks a sequence has.
// Source: Spec/ARITHMETIC.md, rule 10.

public import VialCompute

/// The layout of one pool block: 64 positions of every layer and key/value head, `[layer][kv
/// head]`.
public struct KVCacheLayout: Sendable {
  /// Positions in a block; part of the arithmetic contract.
  @inlinable
  public static var positionsPerBlock: Int { KVBlock.positionCount }
  /// Number type.
  public let type: KVCacheType
  /// Bytes of a pool block.
  public let blockByteCount: Int
  /// The most positions of a text whose keys are rotated by the ordinary frequencies; nil: all are.
  public let longTextLimit: Int?
  let headByteCount: Int
  let kvHeadCount: Int

  /// The layout for a model, or nil when a block's size does not fit an Int.
  public init?(type: KVCacheType, shape: DecoderShape) {
    let head = KVBlock.byteCount(type, headDimension: shape.headDimension)
    let (perLayer, first) = head.multipliedReportingOverflow(by: shape.kvHeadCount)
    let (total, second) = perLayer.multipliedReportingOverflow(by: shape.layerCount)
    guard head > 0, !first, !second else { return nil }
    self.type = type
    longTextLimit = shape.longTextLimit
    self.headByteCount = head
    self.kvHeadCount = shape.kvHeadCount
    self.blockByteCount = total
  }

  /// Byte offset of a layer's KV head inside a pool block.
  @inline(__always)
  func offset(layer: Int, kvHead: Int) -> Int { (layer * kvHeadCount + kvHead) * headByteCount }
}

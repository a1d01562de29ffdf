// Owns: where keys and values of a layer and head lie inside a pool block (Spec/ARITHMETIC.md, rule 10).
// Must not: allocate or decide which blocks a sequence has.

import CVialKernels

/// Number type of cached keys and values.
public enum KVCacheType: String, Sendable, CaseIterable {
  case f32, f16, int8

  var kernelType: vial_kv_type {
    switch self {
    case .f32: return VIAL_KV_F32
    case .f16: return VIAL_KV_F16
    case .int8: return VIAL_KV_INT8
    }
  }
}

/// The layout of one pool block: 64 positions of every layer and key/value head, `[layer][kv head]`.
public struct KVCacheLayout: Sendable {
  /// Positions in a block; part of the arithmetic contract.
  public static let positionsPerBlock = Int(VIAL_KV_BLOCK_POSITIONS)
  /// Number type.
  public let type: KVCacheType
  /// Bytes of a pool block.
  public let blockByteCount: Int
  let headByteCount: Int
  let kvHeadCount: Int

  /// The layout for a model, or nil when a block's size does not fit an Int.
  public init?(type: KVCacheType, shape: DecoderShape) {
    let head = vial_kv_block_byte_count(type.kernelType, UInt32(shape.headDimension))
    let (perLayer, first) = head.multipliedReportingOverflow(by: shape.kvHeadCount)
    let (total, second) = perLayer.multipliedReportingOverflow(by: shape.layerCount)
    guard head > 0, !first, !second else { return nil }
    self.type = type
    self.headByteCount = head
    self.kvHeadCount = shape.kvHeadCount
    self.blockByteCount = total
  }

  /// Byte offset of a layer's KV head inside a pool block.
  @inline(__always)
  func offset(layer: Int, kvHead: Int) -> Int { (layer * kvHeadCount + kvHead) * headByteCount }
}

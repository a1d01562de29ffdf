// Owns: the KV cache's number types and blocks, and attention over them.
// Must not: decide which blocks a sequence has, or check sizes.
// Source: Spec/ARITHMETIC.md, rules 10 and 11; grouped-query attention (Ainslie et al., 2023),
// merged block by block as in FlashAttention (Dao et al., 2022).

public import CVialKernels

/// Number type of cached keys and values.
public enum KVCacheType: String, Sendable, CaseIterable {
  case f32, f16, int8

  @inlinable
  var kernelType: vial_kv_type {
    switch self {
    case .f32: return VIAL_KV_F32
    case .f16: return VIAL_KV_F16
    case .int8: return VIAL_KV_INT8
    }
  }
}

/// Keys and values of consecutive positions of one layer and one KV head.
public enum KVBlock {
  /// Positions in a block; part of the arithmetic contract.
  @inlinable
  public static var positionCount: Int { Int(VIAL_KV_BLOCK_POSITIONS) }

  /// Bytes of a block, a multiple of 64; 0 for a dimension of 0 or above 65536.
  public static func byteCount(_ type: KVCacheType, headDimension: Int) -> Int {
    vial_kv_block_byte_count(type.kernelType, UInt32(headDimension))
  }
}

/// Attention of some query tokens of one sequence, for the query heads of one KV head.
public struct Attention {
  @usableFromInline var arguments: vial_attention

  /// Borrows everything for the call.
  /// - Parameters:
  ///   - headCount: query heads that share the KV head.
  ///   - blocks: block b holds positions 64b ..< 64b+64.
  ///   - positionCounts: positions that each query sees, its own included.
  ///   - queries: after RoPE; head h of query t lies at `t * stride + h * headDimension`.
  ///   - out: addressed in the same way; overlaps no query.
  ///   - scale: what scores are multiplied by; 0: the reciprocal of the dimension's root.
  ///   - softCap: what scores stay below; 0: they stay as they are.
  ///   - window: positions that each query sees at most, the last ones; 0: all. Blocks before those
  ///     of the first query are not read.
  ///   - next: the block that is read next, and how many of its positions are stored: its keys may
  ///     be prefetched.
  ///   - scratch: `scratchByteCount` bytes, 64-byte aligned.
  @inlinable
  public init(
    type: KVCacheType, headDimension: Int, headCount: Int, queryCount: Int,
    blocks: UnsafePointer<UnsafePointer<UInt8>?>, positionCounts: UnsafePointer<UInt32>,
    queries: UnsafePointer<Float>, out: UnsafeMutablePointer<Float>, stride: Int,
    scale: Float, softCap: Float, window: Int,
    next: (base: UnsafePointer<UInt8>, positionCount: Int)?,
    scratch: UnsafeMutableRawPointer
  ) {
    arguments = vial_attention(
      type: type.kernelType, head_dim: UInt32(headDimension), head_count: UInt32(headCount),
      query_count: UInt32(queryCount), blocks: blocks, position_counts: positionCounts,
      q: queries, q_stride: stride, out: out, out_stride: stride, scale: scale,
      soft_cap: softCap, window: UInt32(window), next: next?.base,
      next_count: UInt32(next?.positionCount ?? 0), scratch: scratch)
  }

  /// Bytes of scratch for these sizes, for every family; 0 on overflow.
  public static func scratchByteCount(
    headDimension: Int, headCount: Int, queryCount: Int
  ) -> Int {
    vial_attention_scratch_byte_count(UInt32(headDimension), UInt32(headCount), UInt32(queryCount))
  }
}

extension KernelFamily {
  /// Computes attention; each query's result is the same as when it is computed alone.
  @inlinable
  public func attend(_ attention: Attention) {
    withUnsafePointer(to: attention.arguments) { table.pointee.attention($0) }
  }

  /// Stores the key (after RoPE) and the value of one position of a block.
  /// - Returns: false when one of them holds a NaN or an infinity.
  @inlinable
  public func store(
    _ type: KVCacheType, headDimension: Int, key: UnsafePointer<Float>,
    value: UnsafePointer<Float>, position: Int, in block: UnsafeMutablePointer<UInt8>
  ) -> Bool {
    table.pointee.kv_store(
      type.kernelType, UInt32(headDimension), key, value, UInt32(position), block) == 0
  }
}

// Owns: large working buffers (activations, logits, KV cache): whole pages, checked, given back
// whole.
// Must not: abort when memory is short; the caller gets nil.
// Pages go back to the system, which clears them before anyone sees them again, so releasing does
// not write through gigabytes that were never touched.

internal import CSodium
internal import CVialSystem
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A fixed-size, page-aligned buffer that may hold what patients' text became. Zero when made,
/// unmapped when released; left out of core dumps, locked and empty in the child of a fork where
/// the system can do that.
public final class WorkMemory: @unchecked Sendable {
  /// First byte.
  public let base: UnsafeMutableRawPointer
  /// Length in bytes.
  public let byteCount: Int
  /// Whether its pages cannot reach swap.
  public let isLocked: Bool
  /// Whether its pages are left out of core dumps.
  public let isHidden: Bool
  private let source: MemorySource?
  /// Bytes that the limit on locked memory is charged with.
  private let chargedByteCount: Int

  /// Reserves `byteCount` bytes, or nil when memory is short. Untouched pages of the system's
  /// memory cost nothing; memory that somebody lends is cleared at once, and wiped before it is
  /// given back.
  public init?(byteCount: Int, source: MemorySource? = nil) {
    let page = max(4096, vial_page_byte_count())
    let (padded, overflow) = max(4096, byteCount).addingReportingOverflow(page - 1)
    guard !overflow else { return nil }
    // Whole pages: what shares the last one with somebody else could be neither locked nor hidden.
    let length = padded / page * page
    var isHidden = false
    if let lender = source?.lender {
      guard let base = lender.allocate(length) else { return nil }
      guard UInt(bitPattern: base) % 4096 == 0 else { return nil }
      if UInt(bitPattern: base) % UInt(page) == 0 { isHidden = vial_hide_pages(base, length) }
      memset(base, 0, length)
      self.base = base
    } else {
      guard let base = vial_map_private(length, &isHidden) else { return nil }
      #if os(Linux)
        if length >= Self.largePageByteCount { madvise(base, length, MADV_HUGEPAGE) }
      #endif
      self.base = base
    }
    self.byteCount = length
    self.isHidden = isHidden
    self.source = source
    (isLocked, chargedByteCount) = Self.lock(base, length, source?.locking ?? .never)
    source?.account?.add(length, count: 1, isLocked: isLocked, isHidden: isHidden)
  }

  /// From this size on memory asks for large pages, which the system may not have: kernels that
  /// walk through many rows at once would otherwise wait for address translations.
  static let largePageByteCount = 2 << 20

  /// Bytes that `within` has locked in this process.
  private static let withinByteCount = Atomic<Int>(0)

  private static func lock(
    _ base: UnsafeMutableRawPointer, _ length: Int, _ locking: MemoryLocking
  ) -> (isLocked: Bool, chargedByteCount: Int) {
    switch locking {
    case .never: return (false, 0)
    case .always: return (vial_lock_pages(base, length) == 0, 0)
    case .within:
      let total = withinByteCount.add(length, ordering: .relaxed).newValue
      let isLocked =
        total <= vial_lock_limit() / 2 && vial_lock_pages(base, length) == 0
      if !isLocked { withinByteCount.subtract(length, ordering: .relaxed) }
      return (isLocked, isLocked ? length : 0)
    }
  }

  deinit {
    Self.withinByteCount.subtract(chargedByteCount, ordering: .relaxed)
    source?.account?.add(byteCount, count: -1, isLocked: isLocked, isHidden: isHidden)
    guard let lender = source?.lender else {
      vial_unmap(base, byteCount)
      return
    }
    sodium_memzero(base, byteCount)
    if isLocked { vial_unlock_pages(base, byteCount) }
    if isHidden { vial_show_pages(base, byteCount) }
    lender.release(base, byteCount)
  }

  /// Makes `count` bytes from `offset` on zeros again; what lies beyond the buffer is left out.
  public func wipe(from offset: Int = 0, byteCount count: Int) {
    guard offset >= 0, offset < byteCount, count > 0 else { return }
    sodium_memzero(base + offset, min(count, byteCount - offset))
  }

  /// Makes bytes from `offset` on zeros again that were written from there on without a gap of 64
  /// KiB, up to `count` of them. O(bytes that were written).
  public func wipeWritten(from offset: Int, byteCount count: Int) {
    guard offset >= 0, offset < byteCount else { return }
    let piece = 4096
    let end = offset + min(count, byteCount - offset)
    var (position, zeroCount) = (offset, 0)
    while position < end, zeroCount < 16 {
      let length = min(piece, end - position)
      if sodium_is_zero((base + position).assumingMemoryBound(to: UInt8.self), length) == 1 {
        zeroCount += 1
      } else {
        zeroCount = 0
        sodium_memzero(base + position, length)
      }
      position += length
    }
  }

  /// The buffer as elements of one type, from the start.
  @inlinable
  public func elements<Element: BitwiseCopyable>(
    _ type: Element.Type
  ) -> UnsafeMutablePointer<Element> {
    base.assumingMemoryBound(to: type)
  }
}

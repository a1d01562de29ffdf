// Owns: large working buffers (activations, KV cache): aligned, checked, given back whole.
// Must not: abort when memory is short; the caller gets nil.
// Pages go back to the system, which clears them before anyone sees them again, so releasing does not
// write through gigabytes that were never touched.

internal import CSodium

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Where large buffers come from.
public struct MemorySource: Sendable {
  /// `byteCount` bytes, aligned to 4096, or nil when memory is short. Any thread.
  public let allocate: @Sendable (_ byteCount: Int) -> UnsafeMutableRawPointer?
  /// Takes back what `allocate` gave. Any thread.
  public let release: @Sendable (_ memory: UnsafeMutableRawPointer, _ byteCount: Int) -> Void

  /// Memory that the caller manages.
  public init(
    allocate: @escaping @Sendable (_ byteCount: Int) -> UnsafeMutableRawPointer?,
    release: @escaping @Sendable (_ memory: UnsafeMutableRawPointer, _ byteCount: Int) -> Void
  ) {
    self.allocate = allocate
    self.release = release
  }
}

/// A fixed-size, page-aligned buffer that may hold what patients' text became. Zero when made, unmapped
/// when released, left out of core dumps where the system can do that.
public final class WorkMemory: @unchecked Sendable {
  /// First byte.
  public let base: UnsafeMutableRawPointer
  /// Length in bytes.
  public let byteCount: Int
  private let source: MemorySource?

  /// Reserves `byteCount` bytes, or nil when memory is short. Untouched pages of the system's memory cost
  /// nothing; memory of a `source` is cleared at once, and wiped before it is given back.
  public init?(byteCount: Int, source: MemorySource? = nil) {
    let length = max(4096, byteCount)
    self.source = source
    if let source {
      guard let base = source.allocate(length), UInt(bitPattern: base) % 4096 == 0 else {
        return nil
      }
      memset(base, 0, length)
      self.base = base
      self.byteCount = length
      return
    }
    guard
      let base = mmap(nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
      base != MAP_FAILED
    else { return nil }
    #if os(Linux)
      madvise(base, length, MADV_DONTDUMP)
      if length >= Self.largePageByteCount { madvise(base, length, MADV_HUGEPAGE) }
    #endif
    self.base = base
    self.byteCount = length
  }

  /// From this size on memory asks for large pages, which the system may not have: kernels that walk through many rows
  /// at once would otherwise wait for address translations.
  static let largePageByteCount = 2 << 20

  deinit {
    guard let source else {
      munmap(base, byteCount)
      return
    }
    sodium_memzero(base, byteCount)
    source.release(base, byteCount)
  }

  /// The buffer as elements of one type, from the start.
  @inlinable
  public func elements<Element: BitwiseCopyable>(
    _ type: Element.Type
  ) -> UnsafeMutablePointer<Element> {
    base.assumingMemoryBound(to: type)
  }
}

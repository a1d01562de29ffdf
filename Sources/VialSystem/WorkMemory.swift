// Owns: large working buffers (activations, KV cache): aligned, checked, given back whole.
// Must not: abort when memory is short; the caller gets nil.
// Pages go back to the system, which clears them before anyone sees them again, so releasing does not
// write through gigabytes that were never touched.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A fixed-size, page-aligned buffer that may hold what patients' text became. Zero when made, unmapped
/// when released, left out of core dumps where the system can do that.
public final class WorkMemory: @unchecked Sendable {
  /// First byte.
  public let base: UnsafeMutableRawPointer
  /// Length in bytes.
  public let byteCount: Int

  /// Reserves `byteCount` bytes, or nil when memory is short. Untouched pages cost nothing.
  public init?(byteCount: Int) {
    let length = max(4096, byteCount)
    guard
      let base = mmap(nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
      base != MAP_FAILED
    else { return nil }
    #if os(Linux)
      madvise(base, length, MADV_DONTDUMP)
    #endif
    self.base = base
    self.byteCount = length
  }

  deinit { munmap(base, byteCount) }

  /// The buffer as elements of one type, from the start.
  @inlinable
  public func elements<Element: BitwiseCopyable>(
    _ type: Element.Type
  ) -> UnsafeMutablePointer<Element> {
    base.assumingMemoryBound(to: type)
  }
}

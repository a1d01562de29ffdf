// Owns: the sizes of cache lines and pages that memory of workers is aligned to.
// Must not: influence a result; they only say where bytes are.

/// A line of the processor's caches. Two workers that write into one line slow each other down.
public enum CacheLine {
  /// Bytes of a line.
  @inlinable
  public static var byteCount: Int { 64 }

  /// `size` bytes, rounded up to whole lines; `size` is at most `Int.max - 63`.
  @inlinable
  public static func roundUp(_ size: Int) -> Int { (size + byteCount - 1) & ~(byteCount - 1) }
}

/// A page of memory.
public enum Page {
  /// Bytes of the smallest pages.
  @inlinable
  public static var byteCount: Int { 4096 }

  /// `size` bytes, rounded down to whole pages.
  @inlinable
  public static func roundDown(_ size: Int) -> Int { size & ~(byteCount - 1) }
}

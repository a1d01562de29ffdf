// Owns: a slice of bytes that somebody else keeps alive (a mapped file, a buffer of our own): the
// retained owner and the bounds.
// Must not: map, copy or allocate by itself, or trust any offset: every slice and column is
// checked.
// Source: Spec/FORMAT.md, "Reading hostile bytes".

/// An immutable range of bytes together with the object that keeps it alive.
///
/// Slices share the owner, so a section, a tensor or a tokenizer column may outlive the value it
/// was cut from. Access is through spans, which are bounds-checked.
@safe
public struct ByteRegion: Sendable {
  /// Keeps the memory valid; never inspected.
  private let owner: any AnyObject & Sendable
  private let start: UInt
  /// Length in bytes.
  public let byteCount: Int

  /// Wraps memory that `owner` keeps valid and unchanged for as long as it lives.
  public init(owner: any AnyObject & Sendable, start: UnsafeRawPointer, byteCount: Int) {
    self.owner = owner
    self.start = UInt(bitPattern: start)
    self.byteCount = max(0, byteCount)
  }

  /// Copies an array, which had its memory already, into memory of its own, aligned to 64 bytes.
  /// O(n). For writers: it traps when memory is short.
  public init(copying bytes: [UInt8]) {
    guard let storage = OwnedBytes(byteCount: bytes.count) else {
      preconditionFailure("memory is short")
    }
    unsafe bytes.withUnsafeBytes { source in
      if let start = source.baseAddress {
        unsafe storage.base.copyMemory(from: start, byteCount: source.count)
      }
    }
    self.init(storage, byteCount: bytes.count)
  }

  /// The first `byteCount` bytes of memory that was filled.
  init(_ storage: OwnedBytes, byteCount: Int) {
    unsafe self.init(
      owner: storage, start: UnsafeRawPointer(storage.base), byteCount: byteCount)
  }

  /// The same bytes in memory of our own, which nobody else can change: this region when it is one.
  /// O(n).
  /// - Throws: `outOfMemory`.
  public func privateCopy() throws(FormatError) -> ByteRegion {
    if owner is OwnedBytes { return self }
    guard let storage = OwnedBytes(byteCount: byteCount) else { throw .outOfMemory }
    unsafe storage.base.copyMemory(from: baseAddress, byteCount: byteCount)
    return ByteRegion(storage, byteCount: byteCount)
  }

  /// The address of the first byte, for kernels; valid while this value (or a slice of it) lives.
  @unsafe public var baseAddress: UnsafeRawPointer {
    // A region is made from a non-null pointer, so its bit pattern is never zero.
    unsafe UnsafeRawPointer(bitPattern: start).unsafelyUnwrapped
  }

  /// The bytes.
  public var bytes: RawSpan {
    @_lifetime(borrow self)
    get {
      let span = unsafe RawSpan(_unsafeStart: baseAddress, byteCount: byteCount)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// The `byteCount` bytes from `offset`, or nil when they are not all inside.
  public func slice(_ offset: UInt64, _ byteCount: UInt64) -> ByteRegion? {
    guard offset <= UInt64(self.byteCount), byteCount <= UInt64(self.byteCount) &- offset else {
      return nil
    }
    return unsafe ByteRegion(
      owner: owner, start: baseAddress + Int(offset), byteCount: Int(byteCount))
  }

  /// `count` elements of a fixed-width type from `offset`; nil when they are not all inside or not
  /// aligned for the type. Elements are in file order, which is little-endian.
  public func column<Element: BitwiseCopyable & FixedWidthInteger>(
    _ type: Element.Type, at offset: UInt64, count: UInt64
  ) -> ByteColumn<Element>? {
    let (length, overflow) = count.multipliedReportingOverflow(
      by: UInt64(MemoryLayout<Element>.stride))
    guard !overflow, let region = slice(offset, length),
      unsafe UInt(bitPattern: region.baseAddress) % UInt(MemoryLayout<Element>.alignment) == 0
    else { return nil }
    return ByteColumn(region: region, count: Int(count))
  }
}

/// A fixed-stride column of integers inside a `ByteRegion`, already checked for bounds and
/// alignment.
public struct ByteColumn<Element: BitwiseCopyable & FixedWidthInteger>: Sendable {
  private let region: ByteRegion
  /// Number of elements.
  public let count: Int

  fileprivate init(region: ByteRegion, count: Int) {
    self.region = region
    self.count = count
  }

  /// The elements.
  public var span: Span<Element> {
    @_lifetime(borrow self)
    get {
      let start = unsafe region.baseAddress.assumingMemoryBound(to: Element.self)
      let span = unsafe Span(_unsafeStart: start, count: count)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }
}

/// Heap memory that a `ByteRegion` may own. Written only before it is shared.
@safe
final class OwnedBytes: @unchecked Sendable {
  let base: UnsafeMutableRawPointer

  /// nil when memory is short.
  init?(byteCount: Int) {
    guard let memory = unsafe CheckedMemory.allocateLines(byteCount: byteCount) else { return nil }
    unsafe base = memory
  }

  deinit { unsafe CheckedMemory.release(base) }
}

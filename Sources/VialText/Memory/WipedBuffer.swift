// Memory for text that belongs to patients: fixed capacity, wiped when released.
// Must not: grow in place or leave an unwiped copy behind (DESIGN, rule 5).

internal import CSodium

/// A fixed-capacity array of plain values that is zeroed before its memory is given back.
@safe
public struct WipedBuffer<Element: BitwiseCopyable>: ~Copyable, @unchecked Sendable {
  private var base: UnsafeMutablePointer<Element>
  /// Number of elements that fit.
  public private(set) var capacity: Int

  /// Room for `capacity` elements, all of them `fill`.
  public init(capacity: Int, fill: Element) {
    self.capacity = max(0, capacity)
    unsafe base = .allocate(capacity: max(1, capacity))
    unsafe base.initialize(repeating: fill, count: max(1, capacity))
  }

  deinit { unsafe Self.release(base, max(1, capacity)) }

  private static func release(_ base: UnsafeMutablePointer<Element>, _ count: Int) {
    unsafe sodium_memzero(base, count * MemoryLayout<Element>.stride)
    unsafe base.deallocate()
  }

  /// Makes room for at least `count` elements. What the buffer held is wiped, not kept.
  public mutating func reserve(_ count: Int, fill: Element) {
    guard count > capacity else { return }
    unsafe Self.release(base, max(1, capacity))
    capacity = max(count, capacity + capacity / 2)
    unsafe base = .allocate(capacity: capacity)
    unsafe base.initialize(repeating: fill, count: capacity)
  }

  /// One element; the index must be below `capacity`.
  public subscript(index: Int) -> Element {
    get {
      precondition(index >= 0 && index < capacity)
      return unsafe base[index]
    }
    set {
      precondition(index >= 0 && index < capacity)
      unsafe base[index] = newValue
    }
  }

  /// The elements, for reading.
  public var span: Span<Element> {
    @_lifetime(borrow self)
    get {
      let span = unsafe Span(_unsafeStart: UnsafePointer(base), count: capacity)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// The elements, for writing.
  public var mutableSpan: MutableSpan<Element> {
    @_lifetime(&self)
    mutating get {
      let span = unsafe MutableSpan(_unsafeStart: base, count: capacity)
      return unsafe _overrideLifetime(span, mutating: &self)
    }
  }
}

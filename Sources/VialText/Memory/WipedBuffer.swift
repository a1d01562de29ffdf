// Owns: memory for text that belongs to patients: wiped when released, and allocated so that it can
// fail.
// Must not: grow in place or leave an unwiped copy behind (ARCHITECTURE, rule 5), or trap when
// memory is short.

internal import VialFormat

/// An array of plain values that is zeroed before its memory is given back. An empty one has no
/// memory.
@safe
public struct WipedBuffer<Element: BitwiseCopyable>: ~Copyable, @unchecked Sendable {
  private var memory: SecretMemory<Element>?
  /// Number of elements that fit.
  public private(set) var capacity: Int

  /// No room.
  public init() {
    unsafe memory = nil
    capacity = 0
  }

  /// Memory for `capacity` elements, all of them `fill`; nil when memory is short.
  public init?(capacity: Int, fill: Element) {
    self.init()
    guard (try? reserve(capacity, fill: fill)) != nil else { return nil }
  }

  deinit { unsafe memory?.release() }

  private var base: UnsafeMutablePointer<Element>? { unsafe memory?.base }

  /// Elements that a buffer has when it is first made to have some: few allocations for short
  /// texts.
  private static var leastCapacity: Int { 64 }

  /// Makes room for at least `count` elements. What the buffer held is wiped, not kept.
  /// - Throws: `outOfMemory`; then there is no room.
  @inline(__always)
  public mutating func reserve(_ count: Int, fill: Element) throws(TextError) {
    guard count > capacity else { return }
    try replace(count, fill: fill)
  }

  private mutating func replace(_ count: Int, fill: Element) throws(TextError) {
    let wanted = max(count, capacity + capacity / 2, Self.leastCapacity)
    unsafe memory?.release()
    unsafe memory = nil
    capacity = 0
    guard let fresh = unsafe SecretMemory(Element.self, count: wanted) else { throw .outOfMemory }
    unsafe fresh.base.initialize(repeating: fill, count: wanted)
    unsafe memory = fresh
    capacity = wanted
  }

  /// One element; the index must be below `capacity`.
  public subscript(index: Int) -> Element {
    get {
      guard let base = unsafe base, index >= 0, index < capacity else {
        preconditionFailure("no such element")
      }
      return unsafe base[index]
    }
    set {
      guard let base = unsafe base, index >= 0, index < capacity else {
        preconditionFailure("no such element")
      }
      unsafe base[index] = newValue
    }
  }

  /// The elements, for reading.
  public var span: Span<Element> {
    @_lifetime(borrow self)
    get {
      let span = unsafe Span(_unsafeElements: UnsafeBufferPointer(start: base, count: capacity))
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// The elements, for writing.
  public var mutableSpan: MutableSpan<Element> {
    @_lifetime(&self)
    mutating get {
      let span = unsafe MutableSpan(
        _unsafeElements: UnsafeMutableBufferPointer(start: base, count: capacity))
      return unsafe _overrideLifetime(span, mutating: &self)
    }
  }
}

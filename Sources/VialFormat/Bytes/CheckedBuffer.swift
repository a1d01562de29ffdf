// Owns: an array whose allocation may fail, for what is no text of a patient: ranges, numbers,
// offsets.
// Must not: grow in place, or hold text; that is wiped (SecureBuffer, WipedBuffer).

/// A fixed-capacity array of plain values. Not thread-safe.
@safe
public final class CheckedBuffer<Element: BitwiseCopyable>: @unchecked Sendable {
  private let base: UnsafeMutablePointer<Element>
  /// The most elements it can hold.
  public let capacity: Int
  /// Elements it holds.
  public private(set) var count = 0

  /// Memory for `capacity` elements; nil when memory is short.
  public init?(capacity: Int) {
    guard let base = unsafe CheckedMemory.allocate(Element.self, count: capacity) else {
      return nil
    }
    unsafe self.base = base
    self.capacity = max(0, capacity)
  }

  deinit { unsafe CheckedMemory.release(base) }

  /// Appends one element; false when it is full.
  public func append(_ element: Element) -> Bool {
    guard count < capacity else { return false }
    unsafe (base + count).initialize(to: element)
    count += 1
    return true
  }

  /// Appends all of `elements`, or nothing and false when they do not fit.
  public func append(contentsOf elements: Span<Element>) -> Bool {
    guard elements.count <= capacity - count else { return false }
    for index in elements.indices { _ = append(elements[index]) }
    return true
  }

  /// All of the capacity filled with `element`, for whoever writes into it.
  public func fill(with element: Element) {
    unsafe base.initialize(repeating: element, count: capacity)
    count = capacity
  }

  /// Forgets all but the first `newCount` elements.
  public func truncate(to newCount: Int) { count = min(count, max(0, newCount)) }

  /// The elements.
  public var span: Span<Element> {
    @_lifetime(borrow self)
    get {
      let span = unsafe Span(_unsafeStart: UnsafePointer(base), count: count)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// Lets `body` change the elements.
  public func withMutableSpan<Result, Failure: Error>(
    _ body: (inout MutableSpan<Element>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    var span = unsafe MutableSpan(_unsafeStart: base, count: count)
    return try body(&span)
  }
}

// Owns: the memory of patient text: prompts, token ids, output.
// Must not: grow in place (that would leave copies), be copied, or keep a byte after release.

internal import CSodium

/// A fixed-capacity array that is wiped when released.
///
/// Its memory is `SecureMemory`'s: locked where the system allows it, so that it does not reach
/// swap, and in no core dump. Not thread-safe.
public final class SecureBuffer<Element: BitwiseCopyable>: @unchecked Sendable {
  private let block: SecureBlock
  private let base: UnsafeMutablePointer<Element>
  /// The most elements it can hold.
  public let capacity: Int
  /// Elements it holds.
  public private(set) var count = 0

  /// Reserves memory for `capacity` elements, or nil when memory is short.
  public init?(capacity: Int) {
    let (byteCount, overflow) = max(1, capacity).multipliedReportingOverflow(
      by: MemoryLayout<Element>.stride)
    guard capacity >= 0, !overflow, byteCount <= Int.max - 64,
      let block = SecureMemory.allocate(byteCount: byteCount)
    else { return nil }
    self.block = block
    base = block.base.bindMemory(to: Element.self, capacity: max(1, capacity))
    self.capacity = capacity
  }

  deinit { SecureMemory.release(block) }

  /// Appends one element; false when it is full.
  @discardableResult
  public func append(_ element: Element) -> Bool {
    guard count < capacity else { return false }
    (base + count).initialize(to: element)
    count += 1
    return true
  }

  /// Appends all of `elements`, or nothing and false when they do not fit.
  @discardableResult
  public func append(contentsOf elements: Span<Element>) -> Bool {
    guard elements.count <= capacity - count else { return false }
    elements.withUnsafeBufferPointer { source in
      if let start = source.baseAddress {
        (base + count).initialize(from: start, count: source.count)
      }
    }
    count += elements.count
    return true
  }

  /// Lets `body` write into the unused capacity; it returns how many elements it wrote.
  public func appendInPlace<Failure: Error>(
    _ body: (UnsafeMutableBufferPointer<Element>) throws(Failure) -> Int
  ) throws(Failure) {
    let free = UnsafeMutableBufferPointer(start: base + count, count: capacity - count)
    let written = try body(free)
    count += min(max(0, written), free.count)
  }

  /// Replaces one element; an index out of range is ignored.
  public func update(at index: Int, _ change: (Element) -> Element) {
    guard index >= 0, index < count else { return }
    base[index] = change(base[index])
  }

  /// Forgets, and wipes, everything after the first `newCount` elements.
  public func truncate(to newCount: Int) {
    guard newCount >= 0, newCount < count else { return }
    sodium_memzero(base + newCount, (count - newCount) * MemoryLayout<Element>.stride)
    count = newCount
  }

  /// The elements.
  public var span: Span<Element> {
    @_lifetime(borrow self)
    get {
      let span = Span(_unsafeStart: UnsafePointer(base), count: count)
      return _overrideLifetime(span, borrowing: self)
    }
  }

  /// The elements for C; valid while this object lives.
  public var pointer: UnsafePointer<Element> { UnsafePointer(base) }
}

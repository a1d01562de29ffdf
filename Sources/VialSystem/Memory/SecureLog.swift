// Owns: patient text that grows while others read it: pieces that never move, wiped on release.
// Must not: copy or move what it holds, or take memory before there is something to hold.

/// A growing sequence of runs, each in one piece at an address that stays until release.
///
/// Pieces double from the first one's size to `pieceCapacity`, so that a short log is small and a
/// long one has few pieces. Not thread-safe.
public final class SecureLog<Element: BitwiseCopyable> {
  /// Elements of the largest pieces, unless a run needs more.
  public let pieceCapacity: Int
  /// Elements in all.
  public private(set) var count = 0
  private var pieces: [SecureBuffer<Element>] = []
  /// Elements of the first piece, and how many pieces are smaller than `pieceCapacity`.
  private let firstCapacity: Int
  private let smallCount: Int

  /// An empty log.
  /// - Parameters:
  ///   - firstCapacity: elements of the first piece, 1 or more.
  ///   - doublings: how often pieces double.
  public init(firstCapacity: Int, doublings: Int) {
    self.firstCapacity = max(1, firstCapacity)
    smallCount = min(max(0, doublings), 24)
    pieceCapacity = self.firstCapacity << smallCount
  }

  /// Lets `body` write a run of up to `capacity` elements; it returns how many it wrote. nil when
  /// memory is short.
  public func append(
    capacity: Int, _ body: (UnsafeMutableBufferPointer<Element>) -> Int
  ) -> UnsafeBufferPointer<Element>? {
    guard capacity > 0 else { return UnsafeBufferPointer(start: nil, count: 0) }
    if pieces.last.map({ $0.capacity - $0.count < capacity }) ?? true {
      let usual = firstCapacity << min(pieces.count, smallCount)
      guard let piece = SecureBuffer<Element>(capacity: max(usual, capacity)) else { return nil }
      pieces.append(piece)
    }
    guard let piece = pieces.last else { return nil }
    let before = piece.count
    piece.appendInPlace(body)
    count += piece.count - before
    return UnsafeBufferPointer(start: piece.pointer + before, count: piece.count - before)
  }

  /// Appends one element; false when memory is short.
  public func append(_ element: Element) -> Bool {
    append(capacity: 1) { buffer in
      buffer[0] = element
      return 1
    } != nil
  }

  /// The element at `index` < `count`, when all runs have one element. O(1).
  public func element(at index: Int) -> Element {
    // The pieces before piece k hold firstCapacity * (2^k - 1) elements as long as they double.
    let doubling = Int.bitWidth - 1 - (index / firstCapacity + 1).leadingZeroBitCount
    if doubling <= smallCount {
      return pieces[doubling].pointer[index - firstCapacity * ((1 << doubling) - 1)]
    }
    let rest = index - firstCapacity * ((1 << smallCount) - 1)
    return pieces[smallCount + rest / pieceCapacity].pointer[rest % pieceCapacity]
  }
}

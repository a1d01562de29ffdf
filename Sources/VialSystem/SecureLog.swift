// Owns: patient text that grows while others read it: pieces that never move, wiped on release.
// Must not: copy or move what it holds.

/// A growing sequence of runs, each in one piece at an address that stays until release.
///
/// Not thread-safe.
public final class SecureLog<Element: BitwiseCopyable> {
  /// Elements of a piece, unless a run needs more.
  public let pieceCapacity: Int
  /// Elements in all.
  public private(set) var count = 0
  private var pieces: [SecureBuffer<Element>] = []

  /// An empty log.
  public init(pieceCapacity: Int) { self.pieceCapacity = max(1, pieceCapacity) }

  /// Lets `body` write a run of up to `capacity` elements; it returns how many it wrote. nil when memory is short.
  public func append(
    capacity: Int, _ body: (UnsafeMutableBufferPointer<Element>) -> Int
  ) -> UnsafeBufferPointer<Element>? {
    if pieces.last.map({ $0.capacity - $0.count < capacity }) ?? true {
      guard let piece = SecureBuffer<Element>(capacity: max(pieceCapacity, capacity)) else {
        return nil
      }
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
    append(capacity: 1) { room in
      room[0] = element
      return 1
    } != nil
  }

  /// The element at `index` < `count`, when all runs have one element.
  public func element(at index: Int) -> Element {
    pieces[index / pieceCapacity].pointer[index % pieceCapacity]
  }
}

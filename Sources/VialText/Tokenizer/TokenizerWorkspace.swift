// Owns: scratch memory of one encoding at a time, wiped when released.
// Must not: be shared between threads or keep anything for the next text.

/// Memory that `Tokenizer.encode` works in. One per thread; it has none at first, grows with the
/// longest text and is zeroed when released, and whatever it outgrows is zeroed at once.
public struct TokenizerWorkspace: ~Copyable, Sendable {
  /// Text after normalisation.
  var normalized = WipedBuffer<UInt8>()
  /// 1 for each normalised byte that came from literal text.
  var literalFlags = WipedBuffer<UInt8>()
  /// A word with its marker for a space in front.
  var word = WipedBuffer<UInt8>()
  /// Decomposed characters: combining class << 24 | code point.
  var scalars = WipedBuffer<UInt32>()
  var sortedScalars = WipedBuffer<UInt32>()
  /// The symbols of one word.
  var symbols = WipedBuffer<UInt32>()
  /// What each symbol and its right neighbour merge to: rank << 32 | result.
  var pairs = WipedBuffer<UInt64>()
  /// The rank of each pair of a long word, and the tree over them.
  var ranks = WipedBuffer<UInt32>()
  var tree = WipedBuffer<UInt64>()
  /// What the text at hand may still cost.
  package var work = WorkBudget(work: 0, byteCount: 0)
  /// Bytes by which normalising may still lengthen it.
  private(set) var growth = 0

  /// An empty workspace.
  public init() {}

  /// A text of `byteCount` bytes is to be encoded.
  mutating func begin(byteCount: Int) {
    work = WorkBudget(work: TokenizerLimits.work(forByteCount: byteCount), byteCount: 0)
    growth = TokenizerLimits.growth(forByteCount: byteCount)
  }

  /// Normalising a part added `byteCount` bytes, at most `growth`; they may cost what others may.
  mutating func grow(_ byteCount: Int) {
    growth = max(0, growth - byteCount)
    if byteCount > 0 {
      work = WorkBudget(
        work: work.work + byteCount * TokenizerLimits.workPerByte, byteCount: 0)
    }
  }

  /// Elements of a buffer that is kept although its step is over; a larger one makes room for the
  /// next step's.
  private static let keptCount = 1 << 16

  /// Normalising is over.
  mutating func dropScalars() {
    if scalars.capacity > Self.keptCount { scalars = WipedBuffer() }
    if sortedScalars.capacity > Self.keptCount { sortedScalars = WipedBuffer() }
  }

  /// The flags have become ranges.
  mutating func dropFlags() {
    if literalFlags.capacity > Self.keptCount { literalFlags = WipedBuffer() }
  }

  /// - Throws: `tokenizerLimit` when the budget is spent.
  @inline(__always)
  func checkWork() throws(TextError) {
    if work.work == 0 { throw .tokenizerLimit }
  }
}

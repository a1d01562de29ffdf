// Scratch memory of one encoding at a time, wiped when released.
// Must not: be shared between threads or keep anything for the next text.

/// Memory that `Tokenizer.encode` works in. One per thread; it has none at first, grows with the longest text and is
/// zeroed when released, and whatever it outgrows is zeroed at once.
public struct TokenizerWorkspace: ~Copyable, Sendable {
  /// Text after normalisation.
  var normalized = WipedBuffer<UInt8>()
  /// 1 for each normalised byte that came from literal text.
  var literalFlags = WipedBuffer<UInt8>()
  /// A word with its marker for a space in front.
  var word = WipedBuffer<UInt8>()
  /// Decomposed characters: combining class << 32 | code point.
  var scalars = WipedBuffer<UInt64>()
  var sortedScalars = WipedBuffer<UInt64>()
  /// The symbols of one word.
  var symbols = WipedBuffer<UInt32>()
  /// What each symbol and its right neighbour merge to: rank << 32 | result.
  var pairs = WipedBuffer<UInt64>()
  /// Links between the symbols of a long word, and its tree of ranks.
  var next = WipedBuffer<UInt32>()
  var previous = WipedBuffer<UInt32>()
  var ranks = WipedBuffer<UInt32>()

  /// An empty workspace.
  public init() {}
}

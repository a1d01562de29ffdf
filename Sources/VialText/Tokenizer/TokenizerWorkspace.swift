// Scratch memory of one encoding at a time, wiped when released.
// Must not: be shared between threads or keep anything for the next text.

/// Memory that `Tokenizer.encode` works in. One per thread; it grows with the longest text and is
/// zeroed when released, and whatever it outgrows is zeroed at once.
public struct TokenizerWorkspace: ~Copyable, Sendable {
  /// Text after normalisation.
  var normalized = WipedBuffer<UInt8>(capacity: 256, fill: 0)
  /// 1 for each normalised byte that came from literal text.
  var literalFlags = WipedBuffer<UInt8>(capacity: 0, fill: 0)
  /// A word with its marker for a space in front.
  var word = WipedBuffer<UInt8>(capacity: 256, fill: 0)
  /// Decomposed characters: combining class << 32 | code point.
  var scalars = WipedBuffer<UInt64>(capacity: 0, fill: 0)
  var sortedScalars = WipedBuffer<UInt64>(capacity: 0, fill: 0)
  /// The symbols of one word.
  var symbols = WipedBuffer<UInt32>(capacity: 64, fill: 0)
  /// What each symbol and its right neighbour merge to: rank << 32 | result.
  var pairs = WipedBuffer<UInt64>(capacity: 64, fill: 0)
  /// Links between the symbols of a long word, and its tree of ranks.
  var next = WipedBuffer<UInt32>(capacity: 0, fill: 0)
  var previous = WipedBuffer<UInt32>(capacity: 0, fill: 0)
  var ranks = WipedBuffer<UInt32>(capacity: 0, fill: 0)

  /// An empty workspace.
  public init() {}
}

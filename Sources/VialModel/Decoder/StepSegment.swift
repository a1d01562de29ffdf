// Owns: what one sequence contributes to one step of the forward pass.
// Must not: own memory: tokens and blocks belong to the sequence, which outlives the step.

/// Consecutive tokens of one sequence. Prefill, a chunk of it and decoding differ in `count` only.
public struct StepSegment {
  /// Token ids, `count` of them, each below the vocabulary size.
  public let tokens: UnsafePointer<UInt32>
  /// Number of tokens; 1 or more.
  public let count: Int
  /// How many of the last tokens need logits; 0 while a prompt goes on.
  public let logitsCount: Int
  /// Absolute position of the first token.
  public let firstPosition: Int
  /// Pool blocks of the sequence, those of a group of layers together: block b of a group holds
  /// positions 64b ..< 64b+64. They reach the last token's; those before a window may be gone.
  public let blocks: UnsafePointer<UnsafeMutablePointer<UInt8>>
  /// From one group's blocks to the next one's.
  public let blockStride: Int
  /// Whether the text is one for which the model has other rotary frequencies.
  public let isLong: Bool
  /// What changes the weights for these tokens; of the model that computes the step.
  public let adapter: AppliedAdapter?

  /// Describes a segment; everything is borrowed for the step.
  public init(
    tokens: UnsafePointer<UInt32>, count: Int, logitsCount: Int, firstPosition: Int,
    blocks: UnsafePointer<UnsafeMutablePointer<UInt8>>, blockStride: Int, isLong: Bool = false,
    adapter: AppliedAdapter? = nil
  ) {
    self.tokens = tokens
    self.count = count
    self.logitsCount = logitsCount
    self.firstPosition = firstPosition
    self.blocks = blocks
    self.blockStride = blockStride
    self.isLong = isLong
    self.adapter = adapter
  }
}

// Owns: the numbers that bound what encoding a text may cost, whatever the tokenizer's tables and
// the text say.
// Must not: count (`WorkBudget` does).
// Source: Spec/TOKENIZER.md, "Limits".

/// Limits of one text.
public enum TokenizerLimits {
  /// Steps that a text may take however short it is.
  public static let leastWork = 1_000_000
  /// Steps for each byte of a text and of what normalising adds. A step is a slot of a hash table
  /// that is looked at, or what takes as long. The costliest text that was found takes half of them
  /// under an honest tokenizer whose tables are as full as the packer makes any; prose takes a
  /// fifth.
  public static let workPerByte = 192

  /// Bytes by which the normalised form of a text may be longer than the text however short it is.
  static let leastGrowth = 1 << 20
  /// A longer one may grow by one byte in so many.
  static let bytesPerGrowth = 4

  /// Steps that a text of `byteCount` bytes may take, what normalising adds to it included.
  public static func work(forByteCount byteCount: Int) -> Int {
    leastWork + byteCount * workPerByte
  }

  /// Bytes by which the normalised form of a text of `byteCount` bytes may be longer.
  public static func growth(forByteCount byteCount: Int) -> Int {
    max(leastGrowth, byteCount / bytesPerGrowth)
  }
}

// Owns: what a codebook may be, and its bytes: the sixteen entries that the integers of a 4-bit
// tensor stand for.
// Must not: choose entries; the packer does.
// Source: Spec/FORMAT.md, "Tensor table".

/// Entries of an int4 tensor without zero points: q stands for `self[q]`, strictly ascending from
/// −127 or more.
package struct Codebook: Hashable, Sendable {
  /// Entries of a codebook, and bytes in a tensor's entry.
  package static let entryCount = 16
  private let low: UInt64
  private let high: UInt64

  /// Nil unless there are 16 entries, strictly ascending, none below −127.
  package init?(_ entries: [Int8]) {
    guard entries.count == Codebook.entryCount else { return nil }
    self.init(entries.map { UInt8(bitPattern: $0) }.rawSpan, at: 0)
  }

  /// Nil unless the 16 bytes at `offset` are such entries.
  init?(_ bytes: RawSpan, at offset: Int) {
    low = bytes.u64(offset)
    high = bytes.u64(offset + 8)
    guard self[0] != -128, (1..<Codebook.entryCount).allSatisfy({ self[$0] > self[$0 - 1] })
    else { return nil }
  }

  /// The entry that `index` < 16 stands for.
  package subscript(index: Int) -> Int8 {
    Int8(truncatingIfNeeded: (index < 8 ? low : high) >> UInt64(index % 8 * 8))
  }

  /// All entries, ascending.
  package var entries: [Int8] { (0..<Codebook.entryCount).map { self[$0] } }

  /// Appends the 16 bytes of a tensor's entry.
  func encode(into bytes: inout [UInt8]) {
    bytes.append(field: low)
    bytes.append(field: high)
  }
}

// Owns: what changing a file in place writes, and in which order: truncation, data, barriers and
// root; the whole crash-safety argument as data.
// Must not: write anything itself.
// Source: Spec/FORMAT.md, "Appending and compacting".

/// The steps that change a finished file. Made by `FileAppender`; carried out in order, by one
/// writer.
package struct AppendPlan: Sendable {
  /// One step.
  package enum Step: Sendable {
    /// Stores bytes at an offset from the start of the file.
    case write(ByteRegion, at: UInt64)
    /// Cuts the file to this many bytes.
    case truncate(UInt64)
    /// A barrier: everything before it reaches the disk before anything after it begins.
    case sync
  }

  /// In order.
  package let steps: [Step]
  /// Index of the step that writes the new root. When an earlier one fails, the file may be cut to
  /// `previousByteCount`; from this one on it must not be cut: the new root may be on the disk.
  package let rootStep: Int
  /// Length of the file before, without the tail of an unfinished append, in bytes.
  package let previousByteCount: UInt64
  /// Length of the file afterwards, in bytes.
  package let byteCount: UInt64
  /// Digests of the changed file.
  package let digests: FileDigests

  /// - Parameter isSpareDamaged: whether the slot that is not in use is neither empty nor valid.
  init(
    changing file: VialFile, root: RootSlot, digests: FileDigests,
    data: [(bytes: ByteRegion, offset: UInt64)], isSpareDamaged: Bool, spareOffset: UInt64
  ) {
    var steps: [Step] = []
    if isSpareDamaged {
      // A root of a longer file that was cut would come to life again when the file grows.
      let zeros = [UInt8](repeating: 0, count: FormatConstants.pageByteCount)
      steps += [.write(ByteRegion(copying: zeros), at: spareOffset), .sync]
    }
    if file.tailByteCount > 0 { steps.append(.truncate(file.root.fileByteCount)) }
    for (bytes, offset) in data { steps.append(.write(bytes, at: offset)) }
    steps.append(.sync)
    rootStep = steps.count
    steps += [.write(ByteRegion(copying: root.encoded()), at: spareOffset), .sync]
    self.steps = steps
    previousByteCount = file.root.fileByteCount
    byteCount = root.fileByteCount
    self.digests = digests
  }
}

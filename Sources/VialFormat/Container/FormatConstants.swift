// Owns: the numbers of the format: where things lie, how large they may be, which features exist.
// Must not: hold logic.
// Source: Spec/FORMAT.md, "Limits".

/// Offsets, sizes and feature bits of format version 1 (Spec/FORMAT.md, "Identity", "Root slots").
package enum FormatConstants {
  /// The magic number: a byte above 127, the name, and line endings that a text-mode transfer
  /// breaks.
  package static let magic: [UInt8] = [
    0x89, 0x56, 0x49, 0x41, 0x4C, 0x0D, 0x0A, 0x1A, 0x0A, 0x00, 0x00, 0x00,
  ]
  /// `VIALROOT`, the first bytes of a root slot that is in use.
  package static let rootMagic: [UInt8] = [0x56, 0x49, 0x41, 0x4C, 0x52, 0x4F, 0x4F, 0x54]
  /// Reads as itself on the right byte order.
  package static let byteOrderMark: UInt32 = 0x0102_0304
  /// The format's major version: readers refuse another.
  package static let majorVersion: UInt16 = 1
  /// The newest minor version that this code knows.
  package static let minorVersion: UInt16 = 0
  /// The incompatible feature that a tensor with a codebook needs.
  package static let codebooksFeature: UInt64 = 1 << 1
  /// The incompatible feature that a chat template with operations 54 and 55, or cases 3 and 4 of
  /// operation 43, needs.
  package static let templateOperationsFeature: UInt64 = 1 << 2
  /// The incompatible feature that a chat template which reads tools or further fields of messages
  /// (operations 56 to 63) needs.
  package static let templateFieldsFeature: UInt64 = 1 << 3
  /// The incompatible feature that a configuration with one of the keys of layer traits, or with
  /// fewer rotary frequencies than half a head, needs.
  package static let layerTraitsFeature: UInt64 = 1 << 4
  /// Incompatible features that this reader understands.
  package static let knownIncompatibleFeatures =
    codebooksFeature | templateOperationsFeature | templateFieldsFeature | layerTraitsFeature
  /// Read-only compatible features that this code may keep up when it changes a file.
  static let knownReadOnlyCompatibleFeatures: UInt64 = 0

  /// Bytes of the identity page and of each root slot.
  package static let pageByteCount = 4096
  /// Bytes of a page that its own digest covers; the digest follows them.
  static let pageDigestOffset = 4064
  /// File offsets of the two root slots.
  static let rootSlotOffsets: [UInt64] = [4096, 8192]
  /// The first byte that a section may occupy, and the shortest possible file.
  package static let firstSectionOffset: UInt64 = 12288
  /// Bytes of a section table entry.
  static let sectionStride = 128
  /// log2 of the digest tree's chunk size in bytes.
  package static let chunkLog2: UInt32 = 20
  /// Bytes of a chunk of the digest tree.
  package static let chunkByteCount: UInt64 = 1 << 20
}

/// What a reader accepts at most (Spec/FORMAT.md, "Limits").
package enum FormatLimits {
  /// Sections of a file.
  package static let sectionCount: UInt32 = 65_536
  /// Smallest section alignment in bytes.
  package static let minimumAlignment: UInt32 = 64
  /// Largest section alignment in bytes.
  package static let maximumAlignment: UInt32 = 1 << 20
  /// Smallest alignment of a weights section in bytes: every page size in use can map it.
  package static let weightsAlignment: UInt32 = 65_536
  /// Raw bytes of a compressed section.
  package static let compressedRawByteCount: UInt64 = 256 << 20
  /// Raw bytes per stored byte of a compressed section (LZ4 cannot do more).
  package static let compressionRatio: UInt64 = 255
  /// Entries of a key–value payload.
  package static let keyValueCount: UInt32 = 65_536
  /// Bytes of a key–value payload: it is copied before it is checked.
  package static let keyValueByteCount: UInt64 = 16 << 20
  /// Bytes of a chat template's section: it is copied before it is checked.
  package static let chatTemplateByteCount: UInt64 = 1 << 20
  /// Bytes of a key.
  package static let keyByteCount: UInt32 = 255
  /// Tensors of a table.
  package static let tensorCount: UInt64 = 1_048_576
  /// Bytes of a tensor's name.
  package static let tensorNameByteCount: UInt32 = 255
  /// Elements of a tensor.
  package static let tensorElementCount: UInt64 = 1 << 48
  /// Layers of a model.
  package static let layerCount: UInt64 = 1024
  /// Hidden and feed-forward width of a model.
  package static let width: UInt64 = 1 << 20
  /// Tokens of a vocabulary.
  package static let vocabularySize: UInt64 = 1 << 24
  /// Attention heads of a layer.
  package static let headCount: UInt64 = 4096
  /// Dimensions of a head.
  package static let headDimension: UInt64 = 1024
  /// Different windows of a model's layers.
  package static let windowKindCount = 8
  /// Tokens of a context.
  package static let contextLength: UInt64 = 1 << 24
  /// Bytes of a signature's comment.
  package static let commentByteCount = 4096
  /// Targets of an adapter.
  package static let adapterTargetCount: UInt32 = 65_536
  /// Rank of an adapter's target.
  package static let adapterRank: UInt32 = 1024
  /// End tokens of a model.
  package static let endTokenCount = 64

  /// Bytes that opening may allocate for each byte of the file, besides `openingFixedByteCount`.
  package static let openingBytesPerFileByte: UInt64 = 6
  /// Bytes that opening may allocate for any file.
  package static let openingFixedByteCount: UInt64 = 65_536
  /// Most bytes that opening a file of this length allocates at once, whatever the file says.
  package static func openingByteCount(fileByteCount: UInt64) -> UInt64 {
    let (product, overflow) = fileByteCount.multipliedReportingOverflow(by: openingBytesPerFileByte)
    let (sum, carry) = product.addingReportingOverflow(openingFixedByteCount)
    return overflow || carry ? .max : sum
  }
  /// Bytes that work space of opening takes for each section, and for each tensor.
  static let openingBytesPerSection = 512
  static let openingBytesPerTensor = 16
  /// Bytes that what is kept of an adapter's target takes, its name included.
  package static let adapterTargetWorkByteCount = 1280
  /// Bytes that verifying takes for each section; for each tensor, matrix of an adapter and MiB.
  static let verifyingBytesPerSection = 768
  static let verifyingBytesPerPiece = 768
  /// Bytes that unpacking a compressed text may allocate besides its stated raw length and a copy
  /// of its stored bytes: liblz4's window and blocks.
  package static let textWorkByteCount: UInt64 = 9 << 20
}

// Owns: one entry of the section table (what a section is, where it lies, how it is stored): kinds,
// flags, codecs and the 128-byte encoding.
// Must not: touch a section's bytes.
// Source: Spec/FORMAT.md, "Section table".

/// What a section holds.
package struct SectionKind: RawRepresentable, Hashable, Sendable, Comparable {
  package var rawValue: UInt32
  package init(rawValue: UInt32) { self.rawValue = rawValue }

  /// Key–values that describe the model.
  package static let configuration = SectionKind(rawValue: 1)
  /// Names, shapes and places of the tensors.
  package static let tensorTable = SectionKind(rawValue: 2)
  /// Tensor bytes in tile order.
  package static let weights = SectionKind(rawValue: 3)
  /// Vocabulary and merges (Spec/TOKENIZER.md).
  package static let tokenizer = SectionKind(rawValue: 4)
  /// The compiled chat template (Spec/TEMPLATES.md).
  package static let chatTemplate = SectionKind(rawValue: 5)
  /// One prompt template (Spec/TEMPLATES.md).
  package static let promptTemplate = SectionKind(rawValue: 6)
  /// One LoRA adapter.
  package static let adapter = SectionKind(rawValue: 7)
  /// Key–values that say where the model came from.
  package static let provenance = SectionKind(rawValue: 8)
  /// Leaves of the digest trees of the longer sections.
  package static let chunkDigests = SectionKind(rawValue: 9)
  /// Cold text; the id is a `TextSection`.
  package static let text = SectionKind(rawValue: 10)
  /// One signature over the file digest.
  package static let signature = SectionKind(rawValue: 11)
  /// Dead bytes.
  package static let free = SectionKind(rawValue: 12)

  /// Whether this version of the format defines the kind.
  package var isKnown: Bool { (1...12).contains(rawValue) }
  /// The flags that a section of this kind has in format version 1.
  package var flags: SectionFlags { (1...4).contains(rawValue) ? [.required, .model] : [] }
  /// Whether at most one section of this kind, with id 0, may exist.
  var isSingle: Bool {
    [.configuration, .tensorTable, .tokenizer, .provenance, .chunkDigests].contains(self)
  }
  /// The alignment that the writer chooses, in bytes.
  var defaultAlignment: UInt32 {
    self == .weights ? FormatLimits.weightsAlignment : FormatLimits.minimumAlignment
  }
  /// The kind's name in dumps; "unknown" for one that this version does not define.
  package var name: String {
    let names = [
      "unknown", "configuration", "tensor table", "weights", "tokenizer", "chat template",
      "prompt template", "adapter", "provenance", "chunk digests", "text", "signature", "free",
    ]
    return isKnown ? names[Int(rawValue)] : names[0]
  }

  package static func < (left: SectionKind, right: SectionKind) -> Bool {
    left.rawValue < right.rawValue
  }
}

/// Ids of the text sections.
package enum TextSection: UInt64, Sendable, CaseIterable {
  /// The checkpoint's `tokenizer.json`.
  case tokenizerJSON = 1
  /// The checkpoint's `tokenizer_config.json`.
  case tokenizerConfigJSON = 2
  /// The chat template's source.
  case chatTemplateSource = 3
  /// The model card.
  case modelCard = 4
  /// The licence.
  case license = 5
  /// The checkpoint's `generation_config.json`.
  case generationConfigJSON = 6
  /// The checkpoint's `config.json`.
  case configJSON = 7

  /// Whether people need it beside the model: who made it, and on what terms it may be used.
  package var isForPeople: Bool { self == .modelCard || self == .license }

  /// The text's name in dumps.
  package var name: String {
    switch self {
    case .tokenizerJSON: "tokenizer.json"
    case .tokenizerConfigJSON: "tokenizer_config.json"
    case .chatTemplateSource: "chat template source"
    case .modelCard: "model card"
    case .license: "licence"
    case .generationConfigJSON: "generation_config.json"
    case .configJSON: "config.json"
    }
  }
}

/// Flags of a section.
package struct SectionFlags: OptionSet, Hashable, Sendable {
  package var rawValue: UInt32
  package init(rawValue: UInt32) { self.rawValue = rawValue }
  /// A reader that does not know the kind must refuse the file.
  package static let required = SectionFlags(rawValue: 1)
  /// The section counts in the model digest.
  package static let model = SectionFlags(rawValue: 2)
  static let known: UInt32 = 3
}

/// How a section's bytes are stored.
package struct SectionCodec: RawRepresentable, Hashable, Sendable {
  package var rawValue: UInt32
  package init(rawValue: UInt32) { self.rawValue = rawValue }
  /// As they are.
  package static let raw = SectionCodec(rawValue: 0)
  /// As one LZ4 frame.
  package static let lz4 = SectionCodec(rawValue: 1)

  /// The codec's name in dumps.
  package var name: String {
    switch self {
    case .raw: "raw"
    case .lz4: "lz4"
    default: "unknown"
    }
  }
}

/// One entry of the section table. Offsets and lengths are in bytes.
package struct SectionDescriptor: Hashable, Sendable {
  package var kind: SectionKind
  package var flags: SectionFlags
  /// Distinguishes sections of one kind.
  package var id: UInt64
  /// From the start of the file.
  package var offset: UInt64
  /// Bytes in the file.
  package var storedByteCount: UInt64
  /// Bytes after decompression.
  package var rawByteCount: UInt64
  package var codec: SectionCodec
  package var alignment: UInt32
  /// The section digest (a tree over the stored bytes); zero for a free section.
  package var digest: Digest

  /// First byte after the section; the table's validation proves that it does not overflow.
  package var end: UInt64 { offset &+ storedByteCount }

  /// Reads the entry at `offset` of `table`; nothing is validated.
  init(_ table: RawSpan, at position: Int) {
    kind = SectionKind(rawValue: table.u32(position))
    flags = SectionFlags(rawValue: table.u32(position + 4))
    id = table.u64(position + 8)
    offset = table.u64(position + 16)
    storedByteCount = table.u64(position + 24)
    rawByteCount = table.u64(position + 32)
    codec = SectionCodec(rawValue: table.u32(position + 40))
    alignment = table.u32(position + 44)
    digest = Digest(table, at: position + 64)
  }

  init(
    kind: SectionKind, flags: SectionFlags, id: UInt64, offset: UInt64, storedByteCount: UInt64,
    rawByteCount: UInt64, codec: SectionCodec, alignment: UInt32, digest: Digest
  ) {
    self.kind = kind
    self.flags = flags
    self.id = id
    self.offset = offset
    self.storedByteCount = storedByteCount
    self.rawByteCount = rawByteCount
    self.codec = codec
    self.alignment = alignment
    self.digest = digest
  }

  /// Appends the 128-byte entry.
  func encode(into bytes: inout [UInt8]) {
    let start = bytes.count
    bytes.append(field: kind.rawValue)
    bytes.append(field: flags.rawValue)
    bytes.append(field: id)
    bytes.append(field: offset)
    bytes.append(field: storedByteCount)
    bytes.append(field: rawByteCount)
    bytes.append(field: codec.rawValue)
    bytes.append(field: alignment)
    bytes.append(field: FormatConstants.chunkLog2)
    bytes.pad(to: start + 64)
    bytes.append(field: digest)
    bytes.pad(to: start + FormatConstants.sectionStride)
  }
}

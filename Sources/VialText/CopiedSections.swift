// Owns: templates of a file that others may change or that says it is larger than memory: read from
// copies, whose memory is held before.
// Must not: parse; `ChatTemplate` and `PromptTemplate` do.

public import VialFormat

extension ChatTemplate {
  /// Opens a copy of a section: what runs is what was checked, whatever becomes of a mapped file.
  /// - Throws, `outOfMemory`.
  public init(copying section: ByteRegion) throws(FormatError) {
    guard UInt64(section.byteCount) <= FormatLimits.chatTemplateByteCount else {
      throw FormatError(
        rule: 500, offset: 0, context: "chat template", "the section is longer than any may be")
    }
    self = try ChatTemplate(section.privateCopy())
  }
}

extension PromptTemplate {
  /// Bytes that reading takes for each byte of a payload at most: a text of line ends is cut into
  /// as many strings before these are found to be too many.
  private static let workPerByte = 128

  /// Reads and checks a copy of a section's payload. O(bytes).
  /// - Parameter section: id of the section that the payload lies in; nil outside a file.
  /// - Throws, `outOfMemory`.
  public init(copying payload: ByteRegion, section: UInt64?) throws(FormatError) {
    let most = min(payload.byteCount, Int(FormatLimits.keyValueByteCount))
    self = try MemoryReserve.with(MemoryReserve.call + Self.workPerByte * most) {
      () throws(FormatError) in try PromptTemplate(payload, section: section)
    }
  }
}

// Cold text as one LZ4 frame, both ways.
// Must not: allocate more than the validated raw length, or accept anything but one whole frame.
// Implements: Spec/FORMAT.md, "Codecs".
import CLZ4

enum LZ4Frame {
  private static let magic: UInt32 = 0x184D_2204
  private static let dictionaryFlag: UInt8 = 1

  /// The raw bytes of one frame; `rawByteCount` was checked against `FormatLimits`.
  static func decode(_ stored: RawSpan, rawByteCount: UInt64) throws(FormatError) -> [UInt8] {
    let failure = FormatError(rule: 607, offset: 0, context: "text", "text is not one LZ4 frame")
    // liblz4 would decode a frame that names a dictionary as if it named none.
    guard stored.byteCount > 4, stored.u32(0) == magic, stored.u8(4) & dictionaryFlag == 0,
      rawByteCount <= FormatLimits.compressedRawByteCount
    else { throw failure }
    var context: OpaquePointer?
    guard unsafe LZ4F_isError(LZ4F_createDecompressionContext(&context, UInt32(LZ4F_VERSION))) == 0
    else { throw failure }
    defer { unsafe LZ4F_freeDecompressionContext(context) }
    let capacity = Int(rawByteCount)
    var isWhole = false
    // One byte more than promised: a frame that is longer shows itself there.
    let raw = unsafe [UInt8](unsafeUninitializedCapacity: capacity + 1) { output, count in
      var read = 0
      while read < stored.byteCount {
        var written = capacity + 1 - count
        var consumed = stored.byteCount - read
        let start = read
        let hint = unsafe stored.withUnsafeBytes { input in
          unsafe LZ4F_decompress(
            context, output.baseAddress.map { unsafe $0 + count }, &written,
            input.baseAddress.map { unsafe $0 + start }, &consumed, nil)
        }
        guard LZ4F_isError(hint) == 0 else { return }
        read += consumed
        count += written
        isWhole = hint == 0 && read == stored.byteCount
        if hint == 0 || count > capacity || (consumed == 0 && written == 0) { return }
      }
    }
    guard isWhole, raw.count == capacity else { throw failure }
    return raw
  }

  /// One frame with content size and checksum; nil when liblz4 refuses.
  static func encode(_ raw: [UInt8]) -> [UInt8]? {
    var preferences = LZ4F_preferences_t()
    preferences.frameInfo.contentSize = UInt64(raw.count)
    preferences.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled
    preferences.compressionLevel = 9
    let bound = unsafe LZ4F_compressFrameBound(raw.count, &preferences)
    var isGood = false
    let frame = unsafe [UInt8](unsafeUninitializedCapacity: bound) { output, count in
      let written = unsafe raw.withUnsafeBytes { input in
        unsafe LZ4F_compressFrame(
          output.baseAddress, bound, input.baseAddress, input.count, &preferences)
      }
      guard LZ4F_isError(written) == 0 else { return }
      count = written
      isGood = true
    }
    return isGood ? frame : nil
  }
}

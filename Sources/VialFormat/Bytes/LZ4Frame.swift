// Owns: cold text as one LZ4 frame, both ways.
// Must not: allocate more than the validated raw length, or accept anything but one whole frame.
// Source: Spec/FORMAT.md, "Text".
import CLZ4

enum LZ4Frame {
  private static let magic: UInt32 = 0x184D_2204
  private static let dictionaryFlag: UInt8 = 1

  /// The raw bytes of one frame; `rawByteCount` was checked against `FormatLimits`. Allocates these
  /// and what liblz4 works in. Nobody may change `stored` meanwhile.
  /// - Throws: R-607, `outOfMemory`.
  static func decode(
    _ stored: ByteRegion, rawByteCount: UInt64
  ) throws(FormatError) -> ByteRegion {
    let failure = FormatError(rule: 607, offset: 0, context: "text", "text is not one LZ4 frame")
    let bytes = stored.bytes
    // liblz4 would decode a frame that names a dictionary as if it named none.
    guard bytes.byteCount > 4, bytes.u32(0) == magic, bytes.u8(4) & dictionaryFlag == 0,
      rawByteCount <= FormatLimits.compressedRawByteCount
    else { throw failure }
    var context: OpaquePointer?
    guard unsafe LZ4F_isError(LZ4F_createDecompressionContext(&context, UInt32(LZ4F_VERSION))) == 0
    else { throw .outOfMemory }
    defer { unsafe LZ4F_freeDecompressionContext(context) }
    let capacity = Int(rawByteCount)
    // One byte more than promised: a frame that is longer shows itself there.
    guard let raw = OwnedBytes(byteCount: capacity + 1) else { throw .outOfMemory }
    var (read, count, isWhole) = (0, 0, false)
    while read < bytes.byteCount {
      var written = capacity + 1 - count
      var consumed = bytes.byteCount - read
      let hint = unsafe LZ4F_decompress(
        context, raw.base + count, &written, stored.baseAddress + read, &consumed, nil)
      guard LZ4F_isError(hint) == 0 else {
        throw isShortOfMemory(hint) ? .outOfMemory : failure
      }
      read += consumed
      count += written
      isWhole = hint == 0 && read == bytes.byteCount
      if hint == 0 || count > capacity || (consumed == 0 && written == 0) { break }
    }
    guard isWhole, count == capacity else { throw failure }
    return ByteRegion(raw, byteCount: count)
  }

  /// Whether liblz4 had no memory. Its codes are no part of its stable interface, their names are.
  private static func isShortOfMemory(_ code: LZ4F_errorCode_t) -> Bool {
    unsafe String(cString: LZ4F_getErrorName(code)) == "ERROR_allocation_failed"
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

// Owns: the first 4,096 bytes: what the file is and which features it needs.
// Must not: read past its page.
// Source: Spec/FORMAT.md, "Identity" (R-101 … R-107).

/// The validated identity page.
package struct IdentityPage: Equatable, Sendable {
  /// Readers refuse another major version.
  package var majorVersion: UInt16 = FormatConstants.majorVersion
  /// Readers accept any minor version.
  package var minorVersion: UInt16 = FormatConstants.minorVersion
  /// A reader refuses the file when it does not know one of these.
  package var incompatibleFeatures: UInt64 = 0
  /// A program must not change the file when it does not know one of these.
  package var readOnlyCompatibleFeatures: UInt64 = 0
  /// May be ignored.
  package var compatibleFeatures: UInt64 = 0

  init() {}

  /// Whether the file was made by a newer minor version: reserved bytes may then mean something.
  var isNewer: Bool { minorVersion > FormatConstants.minorVersion }

  /// Validates the page, which must have 4,096 bytes.
  init(_ page: RawSpan) throws(FormatError) {
    guard page.matches(FormatConstants.magic, at: 0) else {
      throw FormatError(rule: 102, offset: 0, "not a .vial file")
    }
    guard page.u32(12) == FormatConstants.byteOrderMark else {
      throw FormatError(rule: 103, offset: 12, "byte order mark is wrong")
    }
    guard
      SHA256.hash(page.extracting(0..<FormatConstants.pageDigestOffset))
        == Digest(page, at: FormatConstants.pageDigestOffset)
    else {
      throw FormatError(rule: 104, offset: 4064, "identity page does not match its digest")
    }
    majorVersion = page.u16(16)
    minorVersion = page.u16(18)
    guard majorVersion == FormatConstants.majorVersion else {
      throw FormatError(rule: 105, offset: 16, "the format's major version is not supported")
    }
    incompatibleFeatures = page.u64(24)
    guard incompatibleFeatures & ~FormatConstants.knownIncompatibleFeatures == 0 else {
      throw FormatError(rule: 106, offset: 24, "the file needs a feature that is not supported")
    }
    readOnlyCompatibleFeatures = page.u64(32)
    compatibleFeatures = page.u64(40)
    guard isNewer || (page.u32(20) == 0 && page.isZero(48, 4064 - 48)) else {
      throw FormatError(rule: 107, offset: 20, "reserved bytes of the identity page are not zero")
    }
  }

  /// The 4,096 bytes.
  func encoded() -> [UInt8] {
    var page = FormatConstants.magic
    page.append(field: FormatConstants.byteOrderMark)
    page.append(field: majorVersion)
    page.append(field: minorVersion)
    page.append(field: UInt32(0))
    page.append(field: incompatibleFeatures)
    page.append(field: readOnlyCompatibleFeatures)
    page.append(field: compatibleFeatures)
    page.sealPage()
    return page
  }
}

extension [UInt8] {
  /// Pads a page with zeros and appends its digest.
  mutating func sealPage() {
    pad(to: FormatConstants.pageDigestOffset)
    append(field: SHA256.hash(rawSpan))
  }
}

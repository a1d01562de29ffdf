// NFC of a checkpoint's own strings, for the packer.
// Must not: be used for patients' text; arrays are not wiped.

extension NormalizationC {
  /// The normalised form of `text`.
  package static func normalized(_ text: [UInt8]) -> [UInt8] {
    var workspace = TokenizerWorkspace()
    let classes = UnicodeClasses.pinned
    let count = normalize(
      text.span, 0..<text.count, classes.view,
      literals: LiteralRanges(Span(), isEverything: false), wantsFlags: false,
      workspace: &workspace)
    return (0..<count).map { workspace.normalized[$0] }
  }
}

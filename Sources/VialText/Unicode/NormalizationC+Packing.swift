// Owns: NFC of a checkpoint's own strings, for the packer.
// Must not: be used for patients' text, or in a host: arrays are not wiped, and it traps when
// memory is short.

extension NormalizationC {
  /// The normalised form of `text`.
  package static func normalized(_ text: [UInt8]) -> [UInt8] {
    var workspace = TokenizerWorkspace()
    let classes = UnicodeClasses.pinned
    guard
      let count = try? normalize(
        text.span, 0..<text.count, classes.view, growth: Int.max,
        literals: LiteralRanges(Span(), isEverything: false), wantsFlags: false,
        workspace: &workspace)
    else { preconditionFailure("memory is short") }
    return (0..<count).map { workspace.normalized[$0] }
  }
}

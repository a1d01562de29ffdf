// Owns: what provenance says about calibration.
// Must not: hold a word of the text.

import VialFormat

/// Text and recipe of a calibration.
struct CalibrationRecord: Sendable {
  /// SHA-256 of the file.
  let digest: Digest
  /// Tokens that were used.
  let tokenCount: Int
  /// One line.
  let recipe: String

  init(_ set: CalibrationSet, _ options: CalibrationOptions) {
    digest = set.digest
    tokenCount = set.tokens.count
    recipe =
      "windows of \(set.tokensPerWindow), damping \(options.damping), act-order, true sequential"
      + (options.refines
        ? ", targets corrected for the layers before, \(options.sweeps) passes of coordinate descent"
        : "")
      + (options.bitsPerWeight.map { ", formats for \($0) bits a weight" } ?? "")
  }
}

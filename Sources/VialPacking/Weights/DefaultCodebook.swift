// Owns: the codebook that `vial pack --codebook levels` stores, and that of a source: the one file
// that names them.
// Must not: be needed to read a file: a codebook is data of it, and kernels and readers take any.

import VialFormat

extension Codebook {
  /// The entries of least squared error for normal weights in groups of 128 whose scale may have
  /// either sign (Lloyd's iterations, scales and entries in turns). On the demonstration model
  /// every tensor's own best entries are within 3 of these, and a table for each tensor, or for
  /// each size of group, gains less than 1%.
  static let forWeights = constant([
    -127, -97, -76, -60, -45, -32, -21, -9, 2, 12, 24, 35, 49, 64, 82, 107,
  ])

  /// Those of GGUF's type IQ4_NL (ggml-common.h, `kvalues_iq4nl`).
  static let ofIQ4NL = constant([
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113,
  ])

  private static func constant(_ entries: [Int8]) -> Codebook {
    guard let codebook = Codebook(entries) else { preconditionFailure("the entries ascend") }
    return codebook
  }

  /// The deviation of entries whose places are drawn as `WeightGenerator.fillNibbles` draws them.
  var randomDeviation: Float {
    let order = [8] + Array(1..<Codebook.entryCount)
    let sum = order.reduce(Float(0)) { $0 + Float(self[$1]) * Float(self[$1]) }
    return (sum / Float(order.count)).squareRoot()
  }
}

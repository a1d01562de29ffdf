// The levels that `vial pack --codebook levels` stores: the one place that names them. They are data of a file;
// kernels and readers take any.

import VialFormat

extension Codebook {
  /// Levels for weights that are nearly normal within a group: those of llama.cpp's IQ4_NL.
  static let forWeights: Codebook = {
    let levels: [Int8] = [
      -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113,
    ]
    guard let codebook = Codebook(levels) else { preconditionFailure("the levels ascend") }
    return codebook
  }()

  /// The deviation of levels whose places are drawn as `WeightGenerator.fillNibbles` draws them.
  var randomDeviation: Float {
    let places = [8] + Array(1..<Codebook.levelCount)
    let sum = places.reduce(Float(0)) { $0 + Float(self[$1]) * Float(self[$1]) }
    return (sum / Float(places.count)).squareRoot()
  }
}

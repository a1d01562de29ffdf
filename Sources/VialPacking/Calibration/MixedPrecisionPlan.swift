// Owns: which linear layer gets which format under a budget of bits a weight.
// Must not: measure.

import VialFormat

/// Gives each tensor a format so that the disturbance is small and the budget is kept.
enum MixedPrecisionPlan {
  /// int4 in groups of 128, 64, 32, and int8.
  static func formats(_ codebook: Codebook?) -> [TensorFormat] {
    [128, 64, 32].map {
      TensorFormat(.int4, group: $0, isAsymmetric: codebook == nil, codebook: codebook)
    } + [TensorFormat(.int8, group: 128)]
  }

  /// The format of each tensor by index.
  ///
  /// Starts with the smallest everywhere (which need not have the longest groups: groups are
  /// padded) and takes, as long as one fits, the step that saves most disturbance a byte; among
  /// equals the first tensor's. `byteCount` is the length of a tensor in a format.
  static func allocate(
    _ findings: [SensitivityProbe.Finding], bitsPerWeight: Double,
    byteCount: (_ index: Int, _ format: TensorFormat) throws(PackingError) -> Int
  ) throws(PackingError) -> [Int: TensorFormat] {
    var sizes: [[Int]] = []
    for finding in findings {
      var row: [Int] = []
      for (format, _) in finding.errors { row.append(try byteCount(finding.index, format)) }
      sizes.append(row)
    }
    let weights = findings.reduce(0.0) { $0 + Double($1.weightCount) }
    let smallest = sizes.reduce(0) { $0 + ($1.min() ?? 0) }
    var left = Int(bitsPerWeight * weights / 8) - smallest
    guard left >= 0 else {
      let least = Double(smallest) * 8 / weights
      let rounded = (least * 1000).rounded(.up) / 1000
      throw PackingError("--bits \(bitsPerWeight) is too few; the linear layers need \(rounded)")
    }
    var chosen = sizes.map { row in row.indices.min { row[$0] < row[$1] } ?? 0 }
    while let step = bestStep(findings, sizes, chosen, left: left) {
      left -= sizes[step.tensor][step.format] - sizes[step.tensor][chosen[step.tensor]]
      chosen[step.tensor] = step.format
    }
    var formats: [Int: TensorFormat] = [:]
    for (finding, choice) in zip(findings, chosen) {
      formats[finding.index] = finding.errors[choice].format
    }
    return formats
  }

  private static func bestStep(
    _ findings: [SensitivityProbe.Finding], _ sizes: [[Int]], _ chosen: [Int], left: Int
  ) -> (tensor: Int, format: Int)? {
    var best: (tensor: Int, format: Int)?
    var bestRate = 0.0
    for (tensor, finding) in findings.enumerated() {
      let now = chosen[tensor]
      for format in finding.errors.indices {
        let cost = sizes[tensor][format] - sizes[tensor][now]
        guard cost > 0, cost <= left else { continue }
        let gain = finding.errors[now].error - finding.errors[format].error
        let rate = gain / Double(cost)
        if rate > bestRate { (best, bestRate) = ((tensor, format), rate) }
      }
    }
    return best
  }
}

// Owns: quantiles of sorted values.
// Must not: sort.

/// Quantiles, interpolated linearly between neighbours.
enum Quantile {
  /// The quantile of ascending values at `fraction`, from 0 to 1; NaN of none.
  static func value(_ fraction: Double, of ascending: [Double]) -> Double {
    guard let last = ascending.last else { return .nan }
    let rank = fraction * Double(ascending.count - 1)
    let lower = Int(rank)
    guard lower + 1 < ascending.count else { return last }
    return ascending[lower] + (ascending[lower + 1] - ascending[lower]) * (rank - Double(lower))
  }
}

// Owns: natural logarithm, exponential and power of doubles with the same bits on every machine.
// Must not: be used for what is computed while a model answers; those functions are CVialKernels'.
//
// The C library's functions differ in their last bits between versions and platforms. Rotary
// frequencies decide bits of every logit, and figures of two machines' reports are compared. Only
// IEEE operations in a fixed order are used, and Swift does not contract them.

/// Functions of doubles, correct to a few units in the last place and the same on every machine.
package enum DoubleFunctions {
  /// ln 2 in two parts: `n * ln2High` is exact for |n| below 2^10.
  private static let ln2High = 0x1.62e42fefa38p-1
  private static let ln2Low = 0x1.ef35793c7673p-45

  /// Natural logarithm; NaN for what is negative or NaN, -infinity for 0.
  package static func log(_ x: Double) -> Double {
    guard x > 0 else { return x == 0 ? -.infinity : .nan }
    guard x.isFinite else { return x }
    // x = m * 2^e with m in [sqrt(1/2), sqrt(2)); log m = 2 artanh((m - 1) / (m + 1)).
    var (m, e) = (x.significand, Double(x.exponent))
    if m > 1.4142135623730951 { (m, e) = (m / 2, e + 1) }
    let s = (m - 1) / (m + 1)
    let z = s * s
    var p = 0.0
    for k in stride(from: 25, through: 3, by: -2) { p = (p + 1 / Double(k)) * z }
    return e * ln2High + (e * ln2Low + 2 * s * p + 2 * s)
  }

  /// e^x.
  package static func exp(_ x: Double) -> Double {
    guard x > -745, x < 710 else { return x.isNaN ? x : x > 0 ? .infinity : 0 }
    let k = (x / 0.6931471805599453).rounded()
    let r = (x - k * ln2High) - k * ln2Low
    // Taylor's series; |r| is at most ln(2) / 2.
    var p = 1.0
    for n in stride(from: 17.0, through: 1, by: -1) { p = 1 + p * r / n }
    return Double(sign: .plus, exponent: Int(k), significand: p)
  }

  /// `base` to the power `exponent`, for a positive `base`.
  ///
  /// The relative error is below 1e-14 where |exponent * log base| is below 35. That is far below
  /// half a float's unit (6e-8), to which rotary frequencies are rounded.
  package static func power(_ base: Double, _ exponent: Double) -> Double {
    exp(exponent * log(base))
  }
}

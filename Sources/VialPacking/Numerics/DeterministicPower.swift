// Owns: a power function whose bits do not depend on the machine.
// Must not: call the C library's `pow`, which differs between versions and platforms: rotary
// frequencies decide bits of every logit.
// Only IEEE additions, multiplications and divisions in a fixed order; Swift does not contract
// them.

/// base ^ exponent in double precision, the same bits everywhere.
package enum DeterministicPower {
  /// ln 2 split in two, so that `n * high` is exact for |n| < 2^20 (fdlibm's split).
  private static let ln2High = 6.931_471_803_691_238_16e-01
  private static let ln2Low = 1.908_214_929_270_587_7e-10

  /// `base` to the power `exponent` for a normal positive `base` and |exponent · ln base| < 700.
  ///
  /// Absolute error of the inner logarithm is below 4e-15 for bases up to 2^64, so the relative
  /// error of the result is below 1e-14: far below half a float's unit (6e-8), which is what the
  /// result is rounded to.
  package static func power(_ base: Double, _ exponent: Double) -> Double {
    exponential(exponent * logarithm(base))
  }

  /// Natural logarithm of a normal positive number: x = m · 2^e with m in [√½, √2), then
  /// ln m = 2 · atanh((m − 1) / (m + 1)) by its series, summed from the smallest term.
  private static func logarithm(_ x: Double) -> Double {
    var exponent = Double(x.exponent)
    var mantissa = x.significand
    if mantissa > 1.414_213_562_373_095_1 {
      mantissa *= 0.5
      exponent += 1
    }
    let s = (mantissa - 1) / (mantissa + 1)
    let square = s * s
    var sum = 0.0
    var denominator = 29.0
    while denominator > 1 {
      sum = (sum + 1 / denominator) * square
      denominator -= 2
    }
    return exponent * ln2High + (exponent * ln2Low + (2 * s + 2 * s * sum))
  }

  /// e^x for |x| < 700: x = n · ln 2 + r with |r| ≤ 0.35, then the Taylor series of e^r by Horner's
  /// rule.
  private static func exponential(_ x: Double) -> Double {
    let n = (x * 1.442_695_040_888_963_4).rounded(.toNearestOrEven)
    let r = (x - n * ln2High) - n * ln2Low
    var sum = 1.0
    var term = 18.0
    while term >= 1 {
      sum = 1 + sum * r / term
      term -= 1
    }
    return sum * Double(sign: .plus, exponent: Int(n), significand: 1)
  }
}

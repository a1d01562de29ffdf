// Owns: how a checkpoint stretches its rotary position embedding, and the inverse frequencies that
// follow.
// Must not: read settings; `RotarySettings` does.
// Source: transformers 5.23, modeling_rope_utils.py; position interpolation (Chen et al., 2023),
// YaRN (Peng et al., 2023), LongRoPE (Ding et al., 2024).
// The arithmetic is done in float as there, operation by operation, so that the numbers are
// transformers' own.

import VialNumerics

/// A rotary scaling rule with its parameters.
package enum RotaryScaling: Sendable, Equatable {
  /// Plain RoPE.
  case none
  /// All frequencies divided by a factor (position interpolation).
  case linear(factor: Double)
  /// Each frequency divided by a number of its own.
  case divisors([Float])
  /// Llama 3.1's rule: long wavelengths divided, short ones kept, a ramp between.
  case llama3(Llama3)

  /// Parameters of the `llama3` rule.
  package struct Llama3: Sendable, Equatable {
    package var factor: Double
    package var lowFrequencyFactor: Double
    package var highFrequencyFactor: Double
    /// Context length in tokens before the stretch.
    package var originalContextLength: Double

    package init(
      factor: Double, lowFrequencyFactor: Double, highFrequencyFactor: Double,
      originalContextLength: Double
    ) {
      self.factor = factor
      self.lowFrequencyFactor = lowFrequencyFactor
      self.highFrequencyFactor = highFrequencyFactor
      self.originalContextLength = originalContextLength
    }
  }

  /// YaRN: frequencies that turn often kept, those that turn seldom divided, a ramp between.
  case yarn(YaRN)
  /// Each frequency divided by a factor of its own, by one table for short and one for long texts.
  case longRope(LongRope)
  /// The first frequencies of a whole head, zeros behind them, all divided by a factor.
  case proportional(factor: Double, fraction: Double)

  /// Parameters of the `yarn` rule.
  package struct YaRN: Sendable, Equatable {
    package var factor: Double
    /// Turns within the original context above which a frequency is kept, and below which it is
    /// divided.
    package var fastTurns = 32.0
    package var slowTurns = 1.0
    /// Context length in tokens before the stretch.
    package var originalContextLength: Double
    /// Whether the ramp's ends are whole indices.
    package var truncates = true
    /// What cosines and sines are multiplied by.
    package var magnitude: Double

    package init(factor: Double, originalContextLength: Double, magnitude: Double) {
      self.factor = factor
      self.originalContextLength = originalContextLength
      self.magnitude = magnitude
    }
  }

  /// Parameters of the `longrope` rule.
  package struct LongRope: Sendable, Equatable {
    package var shortFactors, longFactors: [Float]
    /// The most tokens of a text for which the short factors hold.
    package var originalContextLength: Int
    /// What cosines and sines are multiplied by.
    package var magnitude: Double

    package init(
      shortFactors: [Float], longFactors: [Float], originalContextLength: Int, magnitude: Double
    ) {
      self.shortFactors = shortFactors
      self.longFactors = longFactors
      self.originalContextLength = originalContextLength
      self.magnitude = magnitude
    }
  }

  /// What cosines and sines are multiplied by.
  package var magnitude: Double {
    switch self {
    case .yarn(let rule): rule.magnitude
    case .longRope(let rule): rule.magnitude
    default: 1
    }
  }

  /// The inverse frequencies in radians per position, one for each pair of `headDimension`.
  ///
  /// - Parameters:
  ///   - base: rope_theta, at least 1 and at most 1e15.
  ///   - headDimension: the dimensions that are rotated, positive; an odd one counts as the next
  ///     even one.
  package func inverseFrequencies(base: Double, headDimension: Int) -> [Float] {
    let powers = Self.powers(base: base, headDimension: headDimension)
    let plain = powers.map { 1 / $0 }
    switch self {
    case .none: return plain
    case .linear(let factor): return plain.map { $0 / Float(factor) }
    case .divisors(let numbers): return zip(plain, numbers).map { $0 / $1 }
    case .llama3(let rule): return plain.map(rule.scale)
    case .yarn(let rule): return rule.frequencies(powers, base: base, dimension: headDimension)
    case .longRope(let rule): return zip(rule.shortFactors, powers).map { 1 / ($0 * $1) }
    case .proportional(let factor, let fraction):
      let count = Int(fraction * Double(headDimension) / 2)
      return plain.indices.map { $0 < count ? plain[$0] / Float(factor) : 0 }
    }
  }

  /// Those of texts beyond a length, and that length; nil when there is one table for all.
  package func longFrequencies(
    base: Double, headDimension: Int
  ) -> (frequencies: [Float], above: Int)? {
    guard case .longRope(let rule) = self else { return nil }
    let powers = Self.powers(base: base, headDimension: headDimension)
    return (zip(rule.longFactors, powers).map { 1 / ($0 * $1) }, rule.originalContextLength)
  }

  /// The base to the power of each pair's fraction of the head: the reciprocals of plain
  /// frequencies.
  private static func powers(base: Double, headDimension: Int) -> [Float] {
    let floatBase = Double(Float(base))
    return stride(from: 0, to: headDimension, by: 2).map { index in
      let exponent = Float(index) / Float(headDimension)
      return Float(DoubleFunctions.power(floatBase, Double(exponent)))
    }
  }
}

extension RotaryScaling.YaRN {
  /// What transformers multiplies by where nothing is stated.
  package static func magnitude(factor: Double, scale: Double = 1) -> Double {
    factor <= 1 ? 1 : 0.1 * scale * DoubleFunctions.log(factor) + 1
  }

  /// - Parameter powers: reciprocals of the plain frequencies.
  fileprivate func frequencies(_ powers: [Float], base: Double, dimension: Int) -> [Float] {
    func index(ofTurns turns: Double) -> Double {
      Double(dimension) * DoubleFunctions.log(originalContextLength / (turns * 2 * Double.pi))
        / (2 * DoubleFunctions.log(base))
    }
    var (low, high) = (index(ofTurns: fastTurns), index(ofTurns: slowTurns))
    if truncates { (low, high) = (low.rounded(.down), high.rounded(.up)) }
    (low, high) = (max(low, 0), min(high, Double(dimension - 1)))
    if low == high { high += 0.001 }
    return powers.enumerated().map { position, power in
      let ramp = min(max((Float(position) - Float(low)) / Float(high - low), 0), 1)
      let kept = 1 - ramp
      return 1 / (Float(factor) * power) * (1 - kept) + 1 / power * kept
    }
  }
}

extension RotaryScaling.Llama3 {
  /// One scaled frequency. A division of a number by a tensor is a multiplication by the reciprocal
  /// in torch; it is one here too.
  func scale(_ frequency: Float) -> Float {
    let wavelength = (1 / frequency) * Float(2 * Double.pi)
    let longest = Float(originalContextLength / lowFrequencyFactor)
    let shortest = Float(originalContextLength / highFrequencyFactor)
    if wavelength > longest { return frequency / Float(factor) }
    if wavelength < shortest { return frequency }
    let smooth =
      ((1 / wavelength) * Float(originalContextLength) - Float(lowFrequencyFactor))
      / Float(highFrequencyFactor - lowFrequencyFactor)
    return (1 - smooth) * frequency / Float(factor) + smooth * frequency
  }
}

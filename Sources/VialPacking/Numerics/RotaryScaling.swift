// Owns: how a checkpoint stretches its rotary position embedding, and the inverse frequencies that
// follow.
// Must not: read settings; `RotarySettings` does.
// Source: transformers, modeling_rope_utils.py (`default`, `linear`, `llama3`).
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

  /// The `headDimension / 2` inverse frequencies in radians per position.
  ///
  /// - Parameters:
  ///   - base: rope_theta, at least 1 and at most 1e15.
  ///   - headDimension: even, positive.
  package func inverseFrequencies(base: Double, headDimension: Int) -> [Float] {
    let floatBase = Double(Float(base))
    let plain = stride(from: 0, to: headDimension, by: 2).map { index -> Float in
      let exponent = Float(index) / Float(headDimension)
      return 1 / Float(DoubleFunctions.power(floatBase, Double(exponent)))
    }
    switch self {
    case .none: return plain
    case .linear(let factor): return plain.map { $0 / Float(factor) }
    case .divisors(let numbers): return zip(plain, numbers).map { $0 / $1 }
    case .llama3(let rule): return plain.map(rule.scale)
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

// Owns: what a kernel family does to rows of floats: sums, norm, activation, rotary positions.
// Must not: check sizes: they are the caller's promise.
// Source: Spec/ARITHMETIC.md, rules 6 to 9 and 12; RMSNorm (Zhang and Sennrich, 2019), SwiGLU
// and GeGLU
// (Shazeer, 2020), RoPE (Su et al., 2021).

public import CVialKernels

extension KernelFamily {
  /// `y[i] += x[i]`.
  @inlinable
  public func add(_ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, count: Int) {
    table.pointee.add(y, x, count)
  }

  /// `y[i] = fma(scale, u[i], y[i])`.
  @inlinable
  public func add(
    _ u: UnsafePointer<Float>, scale: Float, to y: UnsafeMutablePointer<Float>, count: Int
  ) {
    table.pointee.scaled_add(y, u, scale, count)
  }

  /// `x[i] *= factor`.
  @inlinable
  public func scale(_ x: UnsafeMutablePointer<Float>, by factor: Float, count: Int) {
    table.pointee.scale(x, factor, count)
  }

  /// RMSNorm of one row with as many weights; `out` may be the row.
  @inlinable
  public func normalize(
    _ row: UnsafePointer<Float>, weights: UnsafePointer<Float>, count: Int, epsilon: Float,
    into out: UnsafeMutablePointer<Float>
  ) {
    table.pointee.rms_norm(row, weights, count, epsilon, out)
  }

  /// `gate[i] = silu(gate[i]) * up[i]`.
  @inlinable
  public func gate(
    _ gate: UnsafeMutablePointer<Float>, with up: UnsafePointer<Float>, count: Int
  ) {
    table.pointee.silu_multiply(gate, up, count, gate)
  }

  /// `gate[i] = gelu(gate[i]) * up[i]`, by GELU's tanh formula.
  @inlinable
  public func gateGELU(
    _ gate: UnsafeMutablePointer<Float>, with up: UnsafePointer<Float>, count: Int
  ) {
    table.pointee.gelu_multiply(gate, up, count, gate)
  }

  /// `x[i] = limit * tanh(x[i] / limit)`; what is not finite stays.
  @inlinable
  public func softCap(_ x: UnsafeMutablePointer<Float>, limit: Float, count: Int) {
    table.pointee.soft_cap(x, limit, count)
  }

  /// Rotates one head of `2 * half` values in place; pairs are `(i, i + half)`.
  @inlinable
  public func rotate(
    _ head: UnsafeMutablePointer<Float>, cosines: UnsafePointer<Float>,
    sines: UnsafePointer<Float>, half: Int
  ) {
    table.pointee.rope(head, cosines, sines, UInt32(half))
  }

  /// Cosines and sines of a position, `half` of each, at `half` frequencies in radians per
  /// position.
  @inlinable
  public static func rotaryAngles(
    position: UInt32, frequencies: UnsafePointer<Float>, half: Int,
    cosines: UnsafeMutablePointer<Float>, sines: UnsafeMutablePointer<Float>
  ) {
    vial_rope_angles(position, frequencies, UInt32(half), cosines, sines)
  }

  /// Whether no value of a row is infinite or NaN.
  @inlinable
  public func isFinite(_ row: UnsafePointer<Float>, count: Int) -> Bool {
    table.pointee.all_finite(row, count) == 1
  }
}

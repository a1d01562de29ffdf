// Owns: quantised and float matrix products of a kernel family, and the rows of its matrices.
// Must not: check sizes: they are the caller's promise, as everything here is in inner loops.
// Source: Spec/ARITHMETIC.md, rules 3 to 6.

public import CVialKernels

extension KernelFamily {
  /// Whether products of weights with zero points want the panels' sums for them.
  @inlinable
  public var wantsZeroSums: Bool { table.pointee.zero_sums }

  /// Quantises rows into some of the panels of `view`.
  /// - Parameters:
  ///   - stride: floats from one row to the next.
  ///   - nonFiniteFlags: `[row]`; set to 1 for a row with a NaN or an infinity, else left alone.
  @inlinable
  public func quantize(
    _ rows: UnsafePointer<Float>, stride: Int, into view: PanelView, panels: Range<Int>,
    nonFiniteFlags: UnsafeMutablePointer<UInt8>
  ) {
    withUnsafePointer(to: view.panels) {
      table.pointee.quantize(
        rows, stride, $0, UInt32(panels.lowerBound), UInt32(panels.upperBound), nonFiniteFlags)
    }
  }

  /// `out[row * stride + output]` of some tiles of an int4 or int8 matrix, for all rows of `view`,
  /// which has the matrix's depth and group.
  @inlinable
  public func multiply(
    _ matrix: WeightMatrix, tiles: Range<Int>, with view: PanelView,
    out: UnsafeMutablePointer<Float>, stride: Int
  ) {
    withUnsafePointer(to: matrix.view) { weights in
      withUnsafePointer(to: view.panels) {
        table.pointee.matmul_quantized(
          weights, $0, UInt32(tiles.lowerBound), UInt32(tiles.upperBound), out, stride)
      }
    }
  }

  /// The same for an f32, f16 or bf16 matrix and `count` rows of floats.
  @inlinable
  public func multiply(
    _ matrix: WeightMatrix, tiles: Range<Int>, withRows rows: UnsafePointer<Float>,
    rowStride: Int, count: Int, out: UnsafeMutablePointer<Float>, stride: Int
  ) {
    withUnsafePointer(to: matrix.view) {
      table.pointee.matmul_float(
        $0, rows, rowStride, UInt32(count), UInt32(tiles.lowerBound), UInt32(tiles.upperBound),
        out, stride)
    }
  }

  /// Decodes one row of a matrix of any encoding to floats (embedding lookup).
  @inlinable
  public func decode(_ matrix: WeightMatrix, row: UInt32, into out: UnsafeMutablePointer<Float>) {
    withUnsafePointer(to: matrix.view) { table.pointee.decode_row($0, row, out) }
  }
}

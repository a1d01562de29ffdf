// The dense functions against sums in double precision, against each other, and in other shares.

import CVialCalibration
import DenseBits
import Foundation
import Testing

@Suite struct DenseTests {
  /// Numbers that anybody can make again.
  private func numbers(_ count: Int, seed: UInt64) -> [Float] {
    var state = seed
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Float(Int32(truncatingIfNeeded: state >> 33)) / Float(1 << 30) - 1
    }
  }

  private var families: [vial_dense] { [false, true].map { vial_dense_find($0).pointee } }

  private func scratch() -> UnsafeMutableRawPointer {
    .allocate(byteCount: vial_dense_scratch_byte_count(), alignment: 64)
  }

  /// c = a · b with a given as rows or as columns, in shares of `height` rows and `width` columns.
  private func product(
    _ functions: vial_dense, _ a: [Float], _ b: [Float], _ m: Int, _ n: Int, _ k: Int,
    transposed: Bool, start: [Float]? = nil, height: Int, width: Int
  ) -> [Float] {
    var c = start ?? [Float](repeating: .nan, count: m * n)
    let room = scratch()
    defer { room.deallocate() }
    a.withUnsafeBufferPointer { a in
      b.withUnsafeBufferPointer { b in
        c.withUnsafeMutableBufferPointer { c in
          var work = vial_dense_product(
            a: a.baseAddress, a_row: transposed ? 1 : k, a_column: transposed ? m : 1,
            b: b.baseAddress, b_row: n, b_column: 1, c: c.baseAddress, c_row: n, depth: k,
            adds: start != nil, negates: start != nil)
          for row in stride(from: 0, to: m, by: height) {
            for column in stride(from: 0, to: n, by: width) {
              functions.multiply(
                &work, row, min(row + height, m), column, min(column + width, n), room)
            }
          }
        }
      }
    }
    return c
  }

  @Test(arguments: [(1, 1, 1), (13, 33, 7), (40, 100, 300), (97, 481, 513)])
  func productsAreRightInAnyShares(_ m: Int, _ n: Int, _ k: Int) {
    let (a, b) = (numbers(m * k, seed: 1), numbers(k * n, seed: 2))
    var results: [[Float]] = []
    for functions in families {
      for (height, width) in [(m, n), (17, 29)] {
        results.append(
          product(functions, a, b, m, n, k, transposed: false, height: height, width: width))
        let columns = (0..<k).flatMap { term in (0..<m).map { a[$0 * k + term] } }
        results.append(
          product(functions, columns, b, m, n, k, transposed: true, height: height, width: width))
      }
    }
    for result in results { #expect(result == results[0]) }
    for row in 0..<m {
      for column in 0..<n {
        let exact = (0..<k).reduce(0.0) {
          $0 + Double(a[row * k + $1]) * Double(b[$1 * n + column])
        }
        #expect(abs(Double(results[0][row * n + column]) - exact) <= 1e-6 * Double(k))
      }
    }
  }

  @Test func subtractingIsExactlyThat() {
    let (m, n, k) = (20, 50, 90)
    let (a, b, start) = (numbers(m * k, seed: 3), numbers(k * n, seed: 4), numbers(m * n, seed: 5))
    for functions in families {
      let plain = product(functions, a, b, m, n, k, transposed: false, height: m, width: n)
      let less = product(
        functions, a, b, m, n, k, transposed: false, start: start, height: 7, width: 11)
      #expect(less == zip(start, plain).map { $0 - $1 })
    }
  }

  /// A positive definite matrix.
  private func square(_ size: Int, seed: UInt64) -> [Float] {
    let x = numbers(2 * size * size, seed: seed)
    return (0..<size * size).map { place in
      let (row, column) = (place / size, place % size)
      return (0..<2 * size).reduce(row == column ? 0.5 : 0) {
        $0 + x[$1 * size + row] * x[$1 * size + column]
      }
    }
  }

  @Test func aFactorTimesItselfIsTheMatrix() {
    let size = 70
    let matrix = square(size, seed: 6)
    var (factor, inverse) = (matrix, [Float](repeating: 0, count: size * size))
    var room = [Double](repeating: 0, count: 2 * size * size)
    #expect(vial_dense_cholesky(&factor, size, UInt32(size), &inverse, &room))
    for row in 0..<size {
      for column in 0...row {
        let sum = (0...column).reduce(0.0) {
          $0 + Double(factor[row * size + $1]) * Double(factor[column * size + $1])
        }
        #expect(abs(sum - Double(matrix[row * size + column])) < 1e-4)
        let one = (column...row).reduce(0.0) {
          $0 + Double(factor[row * size + $1]) * Double(inverse[$1 * size + column])
        }
        #expect(abs(one - (row == column ? 1 : 0)) < 1e-4)
      }
    }
    var negative = matrix
    negative[0] = -1
    #expect(!vial_dense_cholesky(&negative, size, UInt32(size), &inverse, &room))
  }

  /// How integers become weights.
  enum Form: CaseIterable { case symmetric, asymmetric, entries }

  private static let entries: [Float] = [
    -127, -97, -76, -60, -45, -32, -21, -9, 2, 12, 24, 35, 49, 64, 82, 107,
  ]

  /// The nearest integer to a weight of `x` scales, and what it stands for.
  private func nearest(_ x: Float, _ form: Form, zero: Float) -> (q: UInt8, value: Float) {
    guard form == .entries else {
      let q = max(0, min(15, x.rounded(.toNearestOrEven) + zero))
      return (UInt8(q), q - zero)
    }
    let q = Self.entries.indices.min { abs(Self.entries[$0] - x) < abs(Self.entries[$1] - x) } ?? 0
    return (UInt8(q), Self.entries[q])
  }

  /// Sixteen rows of a group of 32 columns, rounded by search and then improved.
  private func improved(_ functions: vial_dense, _ form: Form) -> (
    before: Double, after: Double, state: [Float]
  ) {
    let count = 32
    let (weights, hessian) = (numbers(count * 16, seed: 7), square(count, seed: 8))
    let importance = (0..<count).map { hessian[$0 * count + $0] }
    var (scales, zeros) = ([Float](repeating: 0, count: 16), [Float](repeating: 0, count: 16))
    if form == .entries {
      functions.codebook_scale_search(weights, 16, importance, UInt32(count), Self.entries, &scales)
      #expect(scales.contains { $0 < 0 } && scales.contains { $0 > 0 })
    } else {
      functions.scale_search(
        weights, 16, importance, UInt32(count), form == .asymmetric, &scales, &zeros)
    }
    let signs = scales.map(\.sign)
    var q = [UInt8](repeating: 0, count: count * 16)
    var residual = [Float](repeating: 0, count: count * 16)
    for place in q.indices {
      let row = place % 16
      let (integer, value) = nearest(weights[place] / scales[row], form, zero: zeros[row])
      q[place] = integer
      residual[place] = weights[place] - scales[row] * value
    }
    func loss(_ residual: [Float]) -> Double {
      var sum = 0.0
      for row in 0..<16 {
        for i in 0..<count {
          for j in 0..<count {
            sum += Double(residual[i * 16 + row] * hessian[i * count + j] * residual[j * 16 + row])
          }
        }
      }
      return sum
    }
    let before = loss(residual)
    var after = before
    for _ in 0..<4 {
      var gradient = [Float](repeating: 0, count: count * 16)
      for i in 0..<count {
        for j in 0..<count {
          for row in 0..<16 {
            gradient[i * 16 + row] += hessian[i * count + j] * residual[j * 16 + row]
          }
        }
      }
      withUnsafeMutablePointers(&residual, &q, &scales) { residual, q, scales in
        withPointers(weights, gradient, hessian, form == .entries ? Self.entries : zeros) {
          weights, gradient, hessian, table in
          var work = vial_dense_group(
            weights: weights, residual: residual, integers: q, gradient: gradient, stride: 16,
            gradient_stride: 16, hessian: hessian, hessian_stride: count, scales: scales,
            zeros: table, entries: form == .entries ? table : nil, count: UInt32(count))
          functions.coordinate_descent(&work)
        }
      }
      let now = loss(residual)
      #expect(now <= after * 1.0001)
      after = now
    }
    #expect(q.allSatisfy { $0 <= 15 } && scales.map(\.sign) == signs && !scales.contains(0))
    for place in q.indices {
      let value =
        form == .entries ? Self.entries[Int(q[place])] : Float(q[place]) - zeros[place % 16]
      #expect(abs(residual[place] - (weights[place] - scales[place % 16] * value)) < 1e-6)
    }
    return (before, after, scales + zeros + residual)
  }

  private typealias Pointer = UnsafePointer<Float>

  private func withPointers(
    _ a: [Float], _ b: [Float], _ c: [Float], _ d: [Float],
    _ body: (Pointer, Pointer, Pointer, Pointer) -> Void
  ) {
    a.withUnsafeBufferPointer { a in
      b.withUnsafeBufferPointer { b in
        c.withUnsafeBufferPointer { c in
          d.withUnsafeBufferPointer { d in
            guard let a = a.baseAddress, let b = b.baseAddress, let c = c.baseAddress,
              let d = d.baseAddress
            else { return }
            body(a, b, c, d)
          }
        }
      }
    }
  }

  private func withUnsafeMutablePointers(
    _ a: inout [Float], _ b: inout [UInt8], _ c: inout [Float],
    _ body: (UnsafeMutablePointer<Float>, UnsafeMutablePointer<UInt8>, UnsafeMutablePointer<Float>)
      -> Void
  ) {
    a.withUnsafeMutableBufferPointer { a in
      b.withUnsafeMutableBufferPointer { b in
        c.withUnsafeMutableBufferPointer { c in
          guard let a = a.baseAddress, let b = b.baseAddress, let c = c.baseAddress else { return }
          body(a, b, c)
        }
      }
    }
  }

  @Test(arguments: Form.allCases)
  func coordinateDescentNeverLosesAndIsTheSameEverywhere(_ form: Form) {
    let results = families.map { improved($0, form) }
    for result in results {
      #expect(result.after < 0.9 * result.before)
      #expect(result.state == results[0].state)
    }
  }

  /// Calibrated files are the same on every machine: Tests/CVialCalibrationTests/C also runs for AArch64.
  @Test func everyFamilyGivesThePinnedBits() {
    var family = 0
    while let name = dense_bits_family(family) {
      var part = 0
      while let what = dense_bits_part(part) {
        #expect(
          dense_bits_hold(family, part) == 1, "\(String(cString: name)) \(String(cString: what))")
        part += 1
      }
      #expect(part >= 5)
      family += 1
    }
    #expect(family >= 1)
  }
}

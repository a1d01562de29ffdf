// Owns: how a tensor's numbers are stored: encodings, layouts, shapes and the formula of their
// length.
// Must not: decode.
// Source: Spec/FORMAT.md, "Encodings", "Tile layouts".

/// Number encodings.
package enum TensorEncoding: UInt32, Sendable, CaseIterable {
  case f32 = 1
  case f16 = 2
  case bf16 = 3
  case int8 = 4
  case int4 = 5

  /// Bits of an element, scales and zero points aside.
  package var bitCount: Int {
    switch self {
    case .f32: 32
    case .f16, .bf16: 16
    case .int8: 8
    case .int4: 4
    }
  }

  /// Whether groups of elements share a scale.
  package var isQuantized: Bool { self == .int8 || self == .int4 }

  /// The encoding of this `name`; nil when none has it.
  package init?(name: String) {
    guard let encoding = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = encoding
  }

  /// As in dumps, in provenance and on the command line.
  package var name: String {
    switch self {
    case .f32: "f32"
    case .f16: "f16"
    case .bf16: "bf16"
    case .int8: "int8"
    case .int4: "int4"
    }
  }
}

/// Orders of a tensor's bytes.
package enum TensorLayout: UInt32, Sendable {
  /// Elements one after another; rank 1 only.
  case plain = 1
  /// Tiles of 16 output rows; rank 2 and more.
  case tile16 = 2

  /// As in dumps.
  package var name: String { self == .plain ? "plain" : "tile16" }
}

/// One to four dimensions, slowest first.
package struct TensorShape: Hashable, Sendable, CustomStringConvertible {
  /// Number of dimensions, 1 … 4.
  package let rank: Int
  private let d0: UInt64
  private let d1: UInt64
  private let d2: UInt64
  private let d3: UInt64

  /// Nil unless there are 1 … 4 dimensions, all positive, with at most 2^48 elements.
  package init?(_ dimensions: [Int]) {
    guard dimensions.allSatisfy({ $0 > 0 }) else { return nil }
    self.init(checking: dimensions.map { UInt64($0) })
  }

  init?(checking dimensions: [UInt64]) {
    guard (1...4).contains(dimensions.count) else { return nil }
    var elements: UInt64 = 1
    for dimension in dimensions {
      guard dimension >= 1, let product = elements.times(dimension),
        product <= FormatLimits.tensorElementCount
      else { return nil }
      elements = product
    }
    rank = dimensions.count
    d0 = dimensions[0]
    d1 = rank > 1 ? dimensions[1] : 1
    d2 = rank > 2 ? dimensions[2] : 1
    d3 = rank > 3 ? dimensions[3] : 1
  }

  /// The dimension `index` < 4; 1 beyond the rank.
  package subscript(index: Int) -> Int {
    switch index {
    case 0: Int(d0)
    case 1: Int(d1)
    case 2: Int(d2)
    default: Int(d3)
    }
  }

  /// The dimensions as an array.
  package var dimensions: [Int] { (0..<rank).map { self[$0] } }
  /// All elements.
  package var elementCount: Int { Int(d0 * d1 * d2 * d3) }
  /// K: input features, the last dimension.
  package var columnCount: Int { self[rank - 1] }
  /// N: output rows of a slice, the dimension before the last; 1 for a vector.
  package var rowCount: Int { rank > 1 ? self[rank - 2] : 1 }
  /// Number of `[N, K]` slices.
  package var sliceCount: Int { elementCount / (rowCount * columnCount) }

  /// `[4864, 896]`
  package var description: String {
    "[" + dimensions.map { String($0) }.joined(separator: ", ") + "]"
  }
}

/// An encoding with its parameters: what decides a tensor's length.
package struct TensorFormat: Hashable, Sendable {
  package var encoding: TensorEncoding
  /// Columns that share a scale: 32, 64 or 128 for int4 and int8, else 0.
  package var group: Int
  /// Whether int4 groups have a zero point of their own (else it is 8).
  package var isAsymmetric: Bool
  /// The entries that int4 integers stand for; nil: they stand for themselves less the zero point.
  package var codebook: Codebook?

  package init(
    _ encoding: TensorEncoding, group: Int = 0, isAsymmetric: Bool = false,
    codebook: Codebook? = nil
  ) {
    self.encoding = encoding
    self.group = group
    self.isAsymmetric = isAsymmetric
    self.codebook = codebook
  }

  /// Whether group, zero points and codebook fit the encoding.
  var isValid: Bool {
    switch encoding {
    case .f32, .f16, .bf16: group == 0 && !isAsymmetric && codebook == nil
    case .int8: [32, 64, 128].contains(group) && !isAsymmetric && codebook == nil
    case .int4: [32, 64, 128].contains(group) && !(isAsymmetric && codebook != nil)
    }
  }

  /// The layout that a tensor of this rank has.
  static func layout(rank: Int) -> TensorLayout { rank == 1 ? .plain : .tile16 }

  /// Output rows of a tile.
  package static let tileRowCount = 16

  /// Bytes of one record: a tile's group for int4 and int8, a tile's column else.
  package var recordByteCount: Int {
    switch encoding {
    case .f32: 64
    case .f16, .bf16: 32
    case .int8: 16 * group + 32
    case .int4: 8 * group + 32 + (isAsymmetric ? 16 : 0)
    }
  }

  /// Groups of a row; 0 for float encodings.
  package func groupCount(columns: Int) -> Int {
    encoding.isQuantized ? columns / group + (columns % group == 0 ? 0 : 1) : 0
  }

  /// Records of one tile of a row length.
  package func recordCount(columns: Int) -> Int {
    encoding.isQuantized ? groupCount(columns: columns) : columns
  }

  /// Bytes of one `[rows, columns]` slice in layout tile16.
  package func sliceByteCount(rows: Int, columns: Int) -> Int? {
    let tiles = rows / 16 + (rows % 16 == 0 ? 0 : 1)
    return UInt64(tiles).times(UInt64(recordCount(columns: columns)))?
      .times(UInt64(recordByteCount)).flatMap { Int(exactly: $0) }
  }

  /// Bytes of a tensor; nil when encoding, shape and parameters do not fit or it is too large.
  package func byteCount(_ shape: TensorShape) -> UInt64? {
    guard isValid else { return nil }
    if shape.rank == 1 { return encoding == .f32 ? UInt64(shape.elementCount) * 4 : nil }
    return sliceByteCount(rows: shape.rowCount, columns: shape.columnCount)
      .flatMap { UInt64($0).times(UInt64(shape.sliceCount)) }
  }
}

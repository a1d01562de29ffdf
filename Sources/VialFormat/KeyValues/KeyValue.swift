// Owns: a typed value of a key–value payload, and its type numbers.
// Must not: know keys, or what a value is for.
// Source: Spec/FORMAT.md, "Key–values".

/// A value with its type.
package enum KeyValue: Equatable, Sendable {
  case unsigned(UInt64)
  case signed(Int64)
  case float(Double)
  case bool(Bool)
  case text(String)
  case unsignedArray([UInt64])
  case floatArray([Float])
  case bytes([UInt8])
  case textArray([String])

  /// The type number in the file.
  var type: KeyValueType {
    switch self {
    case .unsigned: .unsigned
    case .signed: .signed
    case .float: .float
    case .bool: .bool
    case .text: .text
    case .unsignedArray: .unsignedArray
    case .floatArray: .floatArray
    case .bytes: .bytes
    case .textArray: .textArray
    }
  }
}

/// Type numbers of key–values.
package enum KeyValueType: UInt32, Sendable {
  case unsigned = 1
  case signed = 2
  case float = 3
  case bool = 4
  case text = 5
  case unsignedArray = 6
  case floatArray = 7
  case bytes = 8
  case textArray = 9

  /// Whether the value stands in the entry itself.
  var isScalar: Bool { rawValue <= 4 }

  /// Bytes of a heap value of `count` elements; nil when the count does not tell (text array) or
  /// does not fit.
  func byteCount(_ count: UInt32) -> UInt64? {
    switch self {
    case .unsigned, .signed, .float, .bool: count == 1 ? 8 : nil
    case .text, .bytes: UInt64(count)
    case .unsignedArray: UInt64(count) * 8
    case .floatArray: UInt64(count) * 4
    case .textArray: nil
    }
  }
}

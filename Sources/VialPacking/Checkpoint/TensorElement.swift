// Owns: the element types that a safetensors header may name.
// Must not: be taken for what can be packed: only floating-point ones can; the others are known so
// that a header holding them is checked.

/// A safetensors element type.
enum TensorElement: Sendable, Equatable {
  case float32, float16, bfloat16, float64
  /// A type that no packed tensor has, with its name and its size in bytes.
  case other(name: String, byteCount: Int)

  /// The type named by a header, or nil when the name is unknown.
  init?(name: String) {
    switch name {
    case "F32": self = .float32
    case "F16": self = .float16
    case "BF16": self = .bfloat16
    case "F64": self = .float64
    case "BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0":
      self = .other(name: name, byteCount: 1)
    case "I16", "U16": self = .other(name: name, byteCount: 2)
    case "I32", "U32": self = .other(name: name, byteCount: 4)
    case "I64", "U64", "C64": self = .other(name: name, byteCount: 8)
    default: return nil
    }
  }

  /// Size of one element in bytes.
  var byteCount: Int {
    switch self {
    case .float32: return 4
    case .float16, .bfloat16: return 2
    case .float64: return 8
    case .other(_, let byteCount): return byteCount
    }
  }
}

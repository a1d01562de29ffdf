// Owns: the tensor types of GGUF: their blocks, and which of them a .vial file can hold as they
// are.
// Must not: decode; `GGUFBlocks` does.
// Source: ggml's ggml.h and ggml-common.h.

import VialFormat

/// A tensor type of GGUF.
struct GGUFTensorType: Sendable, Equatable {
  let name: String
  let blockElementCount: Int
  let blockByteCount: Int

  /// The type of a number in the header, or nil when it is unknown.
  init?(_ number: UInt32) {
    guard let row = Self.known.first(where: { $0.number == number }) else { return nil }
    (name, blockElementCount, blockByteCount) = (row.name, row.elements, row.bytes)
  }

  private static let known: [(number: UInt32, name: String, elements: Int, bytes: Int)] = [
    (0, "F32", 1, 4), (1, "F16", 1, 2), (2, "Q4_0", 32, 18), (3, "Q4_1", 32, 20),
    (6, "Q5_0", 32, 22), (7, "Q5_1", 32, 24), (8, "Q8_0", 32, 34), (9, "Q8_1", 32, 36),
    (10, "Q2_K", 256, 84), (11, "Q3_K", 256, 110), (12, "Q4_K", 256, 144),
    (13, "Q5_K", 256, 176), (14, "Q6_K", 256, 210), (15, "Q8_K", 256, 292),
    (16, "IQ2_XXS", 256, 66), (17, "IQ2_XS", 256, 74), (18, "IQ3_XXS", 256, 98),
    (19, "IQ1_S", 256, 50), (20, "IQ4_NL", 32, 18), (21, "IQ3_S", 256, 110),
    (22, "IQ2_S", 256, 82), (23, "IQ4_XS", 256, 136), (24, "I8", 1, 1), (25, "I16", 1, 2),
    (26, "I32", 1, 4), (27, "I64", 1, 8), (28, "F64", 1, 8), (29, "IQ1_M", 256, 56),
    (30, "BF16", 1, 2), (34, "TQ1_0", 256, 54), (35, "TQ2_0", 256, 66), (39, "MXFP4", 32, 17),
  ]

  /// Whether elements can be had as floats.
  var isDecoded: Bool { GGUFBlocks.decoder(of: self) != nil }

  /// How a matrix of this type is stored without loss, or why it cannot be.
  var form: SourceForm {
    switch name {
    case "F32": return .stored(.init(.f32))
    case "F16": return .stored(.init(.f16))
    case "BF16": return .stored(.init(.bf16))
    case "Q4_0": return .stored(.init(.int4, group: 32))
    case "IQ4_NL":
      return .stored(
        .init(.int4, group: 32, codebook: .ofIQ4NL))
    case "Q8_0": return .stored(.init(.int8, group: 32))
    default:
      return .foreign(
        reason:
          "has type \(name), whose scales and minima int4 and int8 tiles cannot hold without loss;"
          + " --weights, --embedding or --head with an encoding decodes it and packs it anew")
    }
  }
}

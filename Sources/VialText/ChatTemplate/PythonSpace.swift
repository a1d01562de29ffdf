// Owns: which characters Python takes for white space, a few more than the tokenizer's patterns.
// Must not: know strings.

/// `str.isspace` of Python, which `str.strip`, `\s` of its expressions and so Jinja's tags go by.
package enum PythonSpace {
  /// Whether a character is white space.
  package static func contains(_ scalar: UInt32) -> Bool {
    switch scalar {
    case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F,
      0x205F, 0x3000:
      true
    default: false
    }
  }
}

// Owns: JSON on stdout: one value, keys in the order given, numbers as their shortest exact
// spelling.
// Must not: know what is written.
// It streams, so that rows of logits need no tree.

import VialSystem

/// Builds one JSON text.
struct JSONOutput {
  /// What was written so far.
  private(set) var text = ""
  private var needsComma = false

  /// An object whose members `body` writes.
  mutating func object(_ body: (inout JSONOutput) throws -> Void) rethrows {
    try enclose("{", "}", body)
  }

  /// An array whose elements `body` writes.
  mutating func array(_ body: (inout JSONOutput) throws -> Void) rethrows {
    try enclose("[", "]", body)
  }

  /// A member's key; its value must follow.
  mutating func key(_ name: String) {
    value(name)
    text += ":"
    needsComma = false
  }

  /// A string. What `TerminalText` spells out is escaped, so the text is fit for a terminal.
  mutating func value(_ string: String) {
    separate()
    text += "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      // Valid as they are, but JSON is looked at on terminals, too.
      case _ where TerminalText.isSpelledOut(scalar):
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
    text += "\""
  }

  /// An integer.
  mutating func value(_ number: some BinaryInteger) {
    separate()
    text += String(number)
  }

  /// A floating-point number; one that JSON has no spelling for is null.
  mutating func value(_ number: some BinaryFloatingPoint & CustomStringConvertible) {
    separate()
    text += number.isFinite ? number.description : "null"
  }

  /// true or false.
  mutating func value(_ flag: Bool) {
    separate()
    text += flag ? "true" : "false"
  }

  /// A value that is JSON already.
  mutating func raw(_ json: String) {
    separate()
    text += json
  }

  /// null.
  mutating func null() {
    separate()
    text += "null"
  }

  /// Takes what was written so far, for output piece by piece.
  mutating func drain() -> String {
    defer { text = "" }
    return text
  }

  private mutating func separate() {
    if needsComma { text += "," }
    needsComma = true
  }

  private mutating func enclose(
    _ open: String, _ close: String, _ body: (inout JSONOutput) throws -> Void
  ) rethrows {
    separate()
    text += open
    needsComma = false
    try body(&self)
    text += close
    needsComma = true
  }
}

extension JSONOutput {
  /// A member with a string.
  mutating func member(_ name: String, _ string: String) {
    key(name)
    value(string)
  }

  /// A member with an integer.
  mutating func member(_ name: String, _ number: some BinaryInteger) {
    key(name)
    value(number)
  }

  /// A member with a floating-point number.
  mutating func member(
    _ name: String, _ number: some BinaryFloatingPoint & CustomStringConvertible
  ) {
    key(name)
    value(number)
  }

  /// A member with true or false.
  mutating func member(_ name: String, _ flag: Bool) {
    key(name)
    value(flag)
  }

  /// A member with an array of integers.
  mutating func member(_ name: String, ids: Span<UInt32>) {
    key(name)
    array { json in for index in 0..<ids.count { json.value(ids[index]) } }
  }
}

// Owns: the compiling of a Jinja chat template to a bounded program: texts that are put together by
// a format.
// Must not: leave a directive aside; one that is not known makes the expression unsupported.

import VialText

extension ChatTemplateCompiler {
  /// A part of a format.
  private enum Part {
    case text([UInt8])
    /// The value with this number, written as `str` does or, with `isInteger`, as `%d` does.
    case value(Int, isInteger: Bool)
  }

  /// `format % values`, and the filter `format`: `%s`, `%d`, `%i` and `%%` without width and
  /// precision.
  mutating func emitFormat(
    _ format: JinjaExpression, _ values: [JinjaExpression], _ expression: JinjaExpression
  ) throws(TemplateError) {
    guard case .constant(.string(let bytes)) = analysis.shape(format) else {
      throw unsupported(expression, "formatting by anything but a literal")
    }
    var parts: [Part] = []
    var text: [UInt8] = []
    var count = 0
    var rest = bytes[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        text.append(byte)
        continue
      }
      switch rest.popFirst() {
      case UInt8(ascii: "%"): text.append(byte)
      case let directive?
      where [UInt8(ascii: "s"), UInt8(ascii: "d"), UInt8(ascii: "i")].contains(directive):
        parts.append(.text(text))
        parts.append(.value(count, isInteger: directive != UInt8(ascii: "s")))
        text = []
        count += 1
      default: throw unsupported(expression, "a format with anything but %s, %d and %%")
      }
    }
    guard count == values.count else {
      throw unsupported(expression, "a format for another number of values")
    }
    try emit(parts + [.text(text)], values, expression)
  }

  /// `format.format(values)`: `{}` and `{0}` without specifications.
  mutating func emitBraces(
    _ format: JinjaExpression, _ values: [JinjaExpression], _ expression: JinjaExpression
  ) throws(TemplateError) {
    guard case .constant(.string(let bytes)) = analysis.shape(format) else {
      throw unsupported(expression, "formatting by anything but a literal")
    }
    let (open, close) = (UInt8(ascii: "{"), UInt8(ascii: "}"))
    let complaint = unsupported(expression, "a format with anything but {} and {0}")
    var parts: [Part] = []
    var text: [UInt8] = []
    var count = 0
    var isNumbered = false
    var rest = bytes[...]
    while let byte = rest.popFirst() {
      guard byte == open || byte == close else {
        text.append(byte)
        continue
      }
      if rest.first == byte {
        text.append(byte)
        rest.removeFirst()
        continue
      }
      guard byte == open, let end = rest.firstIndex(of: close) else { throw complaint }
      let field = String(decoding: rest[..<end], as: UTF8.self)
      rest = rest[(end + 1)...]
      guard field.isEmpty != isNumbered || parts.isEmpty,
        let number = field.isEmpty ? count : Int(field), field.utf8.allSatisfy({ $0 >= 0x30 }),
        values.indices.contains(number)
      else { throw complaint }
      isNumbered = !field.isEmpty
      parts += [.text(text), .value(number, isInteger: false)]
      text = []
      count += 1
    }
    try emit(parts + [.text(text)], values, expression)
  }

  /// Pushes the string of the parts.
  private mutating func emit(
    _ parts: [Part], _ values: [JinjaExpression], _ expression: JinjaExpression
  ) throws(TemplateError) {
    builder.emit(.pushLiteral, b: builder.literal([]))
    for part in parts {
      switch part {
      case .text(let bytes):
        if bytes.isEmpty { continue }
        builder.emit(.pushLiteral, b: builder.literal(bytes))
      case .value(let number, let isInteger):
        guard !isInteger || analysis.shape(values[number]).isInteger else {
          throw unsupported(expression, "%d of anything but an integer")
        }
        try emitWritten(values[number], expression)
      }
      builder.emit(.add)
    }
  }
}

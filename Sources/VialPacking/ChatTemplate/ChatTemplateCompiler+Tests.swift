// Owns: the compiling of tests (`is defined`, `is string`) whose outcome a conversation decides.
// Must not: emit an operation whose run-time meaning differs from Jinja's for any conversation.

import VialText

extension ChatTemplateCompiler {
  /// A test whose outcome depends on the conversation.
  mutating func emitTest(
    _ base: JinjaExpression, _ name: String, _ isNegated: Bool, _ expression: JinjaExpression
  ) throws(TemplateError) {
    let kinds = [
      "undefined": 0, "defined": 0, "none": 1, "boolean": 2, "number": 3, "integer": 3, "string": 4,
      "mapping": 5,
    ]
    if analysis.readsFields, analysis.shape(base) == .unknown {
      let several = [
        "iterable": [0, 4, 5, 6, 7], "sequence": [0, 4, 5, 6, 7], "mapping": [5, 7],
        "number": [2, 3, 8],
      ]
      if let kinds = several[name] { return try emitKinds(kinds, base, isNegated) }
      if ["integer", "float"].contains(name) {
        throw unsupported(expression, "the test '\(name)' here")
      }
    }
    if name == "iterable" || name == "sequence" {
      return try emitKinds([4, 5, 6], base, isNegated)
    }
    if name == "true" || name == "false" {
      // Only a truth value equals one: values of different kinds are not equal.
      try emit(base)
      builder.emit(.pushBool, b: name == "true" ? 1 : 0)
      builder.emit(.equal)
      if isNegated { builder.emit(.not) }
      return
    }
    guard let kind = kinds[name] else { throw unsupported(expression, "the test '\(name)' here") }
    try emit(base)
    builder.emit(.isKind, b: kind)
    if isNegated != (name == "defined") { builder.emit(.not) }
  }

  /// Whether a value is of one of several kinds.
  private mutating func emitKinds(
    _ kinds: [Int], _ base: JinjaExpression, _ isNegated: Bool
  ) throws(TemplateError) {
    let slot = temporarySlot()
    try emit(base)
    builder.emit(.store, b: slot)
    var skips: [Int] = []
    for kind in kinds {
      builder.emit(.load, b: slot)
      builder.emit(.isKind, b: kind)
      if kind != kinds.last { skips.append(builder.emit(.jumpIfTrueKeep)) }
    }
    for skip in skips { builder.land(skip) }
    if isNegated { builder.emit(.not) }
  }
}

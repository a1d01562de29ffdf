// Owns: numbers of a schema: bounds, exactly as they are spelled, and multiples.
// Must not: round a bound, or allow a number that one of the keywords refuses.

extension SchemaCompiler {
  mutating func number(
    _ object: JSONObject, isInteger: Bool, _ next: Int32
  ) throws(GrammarError) -> Int32 {
    let range = try range(object)
    if let divisor = object["multipleOf"] {
      guard let number = divisor.decimal else {
        throw .unsupported("a multipleOf that is no number")
      }
      let multiple = try GrammarMultiple(number, isInteger: isInteger)
      if !(isInteger && multiple.divisor == 1) || multiple.wholeDigits != nil {
        guard let node = try program.multiple(multiple, range, next) else {
          return try nothing("a number has no multiple between its bounds")
        }
        return node
      }
    }
    return try noted(
      try program.number(range, isInteger: isInteger, next), range, isInteger)
  }

  /// Notes why there is no number, when there is none.
  private mutating func noted(
    _ node: Int32, _ range: NumberRange, _ isInteger: Bool
  ) throws(GrammarError) -> Int32 {
    let hasNone =
      isInteger ? range.whole.isEmpty : range.ofDoubles.isEmpty && range.whole.isEmpty
    guard hasNone else { return node }
    return (isInteger ? range.whole : range).isEmpty
      ? try nothing("a number has no value between its bounds")
      : try unoffered("bounds with nothing but numbers between them that are no doubles")
  }

  /// The bounds that a schema states. A truth value beside `minimum` or `maximum` is draft 4's way
  /// to exclude it.
  func range(_ object: JSONObject) throws(GrammarError) -> NumberRange {
    var range = NumberRange()
    for (key, exclusiveKey, isLow) in [
      ("minimum", "exclusiveMinimum", true), ("maximum", "exclusiveMaximum", false),
    ] as [(JSONString, JSONString, Bool)] {
      let exclusive = object[exclusiveKey]
      if let value = object[key] {
        range.narrow(try bound(value, isExclusive: exclusive?.bool ?? false), isLow: isLow)
      }
      if let exclusive, exclusive.bool == nil {
        range.narrow(try bound(exclusive, isExclusive: true), isLow: isLow)
      }
    }
    return range
  }

  private func bound(
    _ value: JSONValue, isExclusive: Bool
  ) throws(GrammarError) -> NumberRange.Bound {
    guard var number = value.decimal else { throw .unsupported("a bound that is no number") }
    // 1e23 is a double, which is not a power of ten.
    if case .number(let double) = value { number = DecimalNumber(exactly: double) }
    return NumberRange.Bound(value: number, isExclusive: isExclusive)
  }
}

extension NumberRange {
  /// Takes a bound in, where it is tighter.
  mutating func narrow(_ bound: Bound, isLow: Bool) {
    guard let known = isLow ? low : high else {
      if isLow { low = bound } else { high = bound }
      return
    }
    let order = bound.value.compared(with: known.value) * (isLow ? 1 : -1)
    guard order > 0 || (order == 0 && bound.isExclusive) else { return }
    if isLow { low = bound } else { high = bound }
  }

  /// Whether a number lies in it.
  func contains(_ number: DecimalNumber) -> Bool {
    var one = self
    one.narrow(Bound(value: number, isExclusive: false), isLow: true)
    one.narrow(Bound(value: number, isExclusive: false), isLow: false)
    return !one.isEmpty
  }
}

// Numbers under bounds and multiples, against comparing and dividing their digits.

import Testing
import VialText

@Suite struct GrammarNumberTests {
  private struct Random {
    var state: UInt64

    mutating func below(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }

    mutating func digits(_ count: Int) -> String {
      String((0..<count).map { _ in Character(String(below(4) == 0 ? 9 * below(2) : below(10))) })
    }

    /// A number as JSON spells it, with up to so many digits on each side of the point.
    mutating func number(whole: Int, fraction: Int) -> String {
      let sign = below(3) == 0 ? "-" : ""
      let first = below(5) == 0 ? "0" : String(1 + below(9)) + digits(below(whole))
      let rest = below(2) == 0 ? "" : "." + digits(1 + below(fraction))
      return sign + first + rest
    }

    /// The same with one digit changed, added or left out, as far as that is a number.
    mutating func near(_ text: String) -> String {
      var characters = Array(text)
      let index = below(characters.count)
      switch below(4) {
      case 0 where characters[index].isNumber:
        characters[index] = Character(String(below(10)))
      case 1: characters.append(contentsOf: (text.contains(".") ? "" : ".") + digits(1 + below(3)))
      case 2 where characters.count > 1: characters.removeLast()
      default: break
      }
      return String(characters)
    }
  }

  private static func isNumber(_ text: String) -> Bool {
    let body = text.hasPrefix("-") ? text.dropFirst() : text[...]
    let parts = body.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count <= 2 && parts.allSatisfy { !$0.isEmpty && $0.allSatisfy(\.isNumber) }
      && (parts[0] == "0" || !parts[0].hasPrefix("0"))
  }

  private func value(_ text: String) throws -> DecimalNumber {
    try #require(DecimalNumber(Array(text.utf8)))
  }

  /// Ten thousand numbers near bounds of up to thirty digits.
  @Test(arguments: 0..<10) func boundsAreKeptToTheDigit(_ seed: Int) throws {
    var random = Random(state: UInt64(seed + 1) &* 0x9E37_79B9_7F4A_7C15)
    var count = 0
    while count < 1000 {
      let isInteger = random.below(2) == 0
      let (first, second) = (
        random.number(whole: 18, fraction: isInteger ? 3 : 12),
        random.below(3) == 0
          ? random.near(random.near("7." + random.digits(6)))
          : random.number(whole: 18, fraction: 12)
      )
      guard Self.isNumber(first), Self.isNumber(second) else { continue }
      // As doubles that print so, or as integers of any length, JSON holds them exactly.
      let exact = [first, second].map { Self.exact($0) }
      let (low, high) =
        try value(exact[0]).compared(with: value(exact[1])) <= 0
        ? (exact[0], exact[1]) : (exact[1], exact[0])
      let isExclusive = (low: random.below(3) == 0, high: random.below(3) == 0)
      let schema =
        #"{"type":"\#(isInteger ? "integer" : "number")","\#(isExclusive.low ? "exclusiveMinimum" : "minimum")":\#(low),"\#(isExclusive.high ? "exclusiveMaximum" : "maximum")":\#(high)}"#
      let grammar = try? Grammar(schema: Array(schema.utf8))
      for _ in 0..<20 {
        let base = [low, high, random.number(whole: 18, fraction: 14)][random.below(3)]
        let text = random.near(random.below(2) == 0 ? base : random.near(base))
        guard Self.isNumber(text), !(isInteger && text.contains(".")) else { continue }
        let number = try value(text)
        let (above, below) = (
          number.compared(with: try value(low)), number.compared(with: try value(high))
        )
        let isIn =
          (isExclusive.low ? above > 0 : above >= 0) && (isExclusive.high ? below < 0 : below <= 0)
        // Zero has one spelling.
        guard !(number == .zero && text.hasPrefix("-")) else { continue }
        // Of what doubles round to a bound or next to it, not all is offered, but nothing else is.
        let double = Double(text)
        let isClose = [(low, isExclusive.low), (high, isExclusive.high)].contains {
          bound, isExclusive in
          let isWide = bound.split(separator: ".")[0].count >= 16
          let bound = Double(bound)
          return (isExclusive || isWide)
            && [double, double?.nextUp, double?.nextDown].contains(bound)
        }
        let scientific = isInteger ? nil : Self.scientific(text)
        for form in [text, scientific].compactMap({ $0 }) {
          let isRounded = !isInteger && (form.contains(".") || form.contains("e"))
          let isIn =
            isIn && (!isRounded || Self.staysIn(text, low, high, isExclusive.low, isExclusive.high))
          let matches = grammar?.matches(Array(form.utf8)) ?? false
          #expect(isRounded && isClose ? !matches || isIn : matches == isIn, "\(schema) \(form)")
        }
        count += 1
      }
    }
  }

  /// The number that a schema with this text holds: fractions are doubles, whole numbers have all their digits.
  private static func exact(_ text: String) -> String {
    guard text.contains("."), let value = Double(text) else { return text }
    return value.description
  }

  /// Whether the number is between the bounds as a double, too.
  private static func staysIn(
    _ text: String, _ low: String, _ high: String, _ isLowExclusive: Bool, _ isHighExclusive: Bool
  ) -> Bool {
    guard let value = Double(text) else { return false }
    func order(_ bound: String) -> Int {
      // Whole numbers have all their digits; so have doubles of their size.
      if let exact = Int(bound) {
        guard let whole = Int(exactly: value.rounded(.down)) else { return value < 0 ? -1 : 1 }
        return whole == exact ? (value > value.rounded(.down) ? 1 : 0) : whole < exact ? -1 : 1
      }
      guard let double = Double(bound) else { return 0 }
      return value < double ? -1 : value > double ? 1 : 0
    }
    return (isLowExclusive ? order(low) > 0 : order(low) >= 0)
      && (isHighExclusive ? order(high) < 0 : order(high) <= 0)
  }

  /// Doubles next to a bound that is excluded, and whole numbers between two doubles.
  @Test func nothingIsRoundedAcrossABound() throws {
    try expectSchema(
      #"{"type": "number", "exclusiveMaximum": 1, "minimum": -2}"#,
      takes: ["0.9999999999999999", "0", "-2", "9.999999999999999e-1"],
      refuses: ["0.99999999999999999", "1", "1.0", "9.9999999999999999e-1", "-2.00000000000000001"])
    try expectSchema(
      #"{"type": "number", "exclusiveMinimum": 0, "maximum": 1}"#,
      takes: ["1e-300", "0.5", "1", "0." + String(repeating: "0", count: 299) + "1"],
      refuses: ["0", "0.0", "1e-301", "0." + String(repeating: "0", count: 330) + "1"])
    try expectSchema(
      #"{"type": "number", "minimum": 9007199254740993, "maximum": 9007199254740997}"#,
      takes: [
        "9007199254740993", "9007199254740997", "9007199254740994.0", "9.007199254740996e15",
      ],
      refuses: [
        "9007199254740993.0", "9007199254740992", "9.007199254740997e15", "9007199254740998",
      ])
    try expectSchema(
      #"{"type": "integer", "maximum": 1e23}"#, takes: ["99999999999999991611392"],
      refuses: ["100000000000000000000000", "99999999999999991611393"])
    let close = GrammarError.unsupported(
      "bounds with nothing but numbers between them that are no doubles")
    #expect(throws: close) {
      try Grammar(
        schema: Array(
          #"{"type": "number", "exclusiveMinimum": 1, "exclusiveMaximum": 1.0000000000000002}"#.utf8
        ))
    }
  }

  /// With one digit before the point and an exponent; nil for zero.
  private static func scientific(_ text: String) -> String? {
    let sign = text.hasPrefix("-") ? "-" : ""
    let parts = text.drop { $0 == "-" }.split(separator: ".")
    let digits = parts.joined()
    let zeros = digits.prefix { $0 == "0" }.count
    guard zeros < digits.count else { return nil }
    let mantissa = digits.dropFirst(zeros)
    let exponent = parts[0].count - zeros - 1
    let rest = mantissa.dropFirst()
    return "\(sign)\(mantissa.prefix(1))\(rest.isEmpty ? "" : "." + rest)e\(exponent)"
  }

  /// Identifiers come back digit for digit, also where nothing bounds them.
  @Test func identifiersAreWhole() throws {
    var random = Random(state: 5)
    let free = try Grammar(schema: Array(#"{"type":"integer"}"#.utf8))
    let any = try Grammar(schema: Array(#"{"type":"number"}"#.utf8))
    for _ in 0..<2000 {
      let text = String(1 + random.below(9)) + random.digits(17 + random.below(23))
      #expect(free.matches(Array(text.utf8)) && any.matches(Array(text.utf8)), "\(text)")
      let only = try Grammar(schema: Array(#"{"const":\#(text)}"#.utf8))
      #expect(only.matches(Array(text.utf8)))
      #expect(!only.matches(Array((text.dropLast() + "x").utf8)))
      let listed = try Grammar(
        schema: Array(#"{"enum":[\#(text),1],"minimum":\#(text),"type":"integer"}"#.utf8))
      #expect(listed.matches(Array(text.utf8)) && !listed.matches(Array("1".utf8)))
    }
  }

  @Test func multiplesAreDivisible() throws {
    var random = Random(state: 9)
    for _ in 0..<120 {
      let divisor = 1 + random.below([9, 100, 1000][random.below(3)])
      let (first, second) = (random.below(20_000) - 10_000, random.below(20_000) - 10_000)
      let (low, high) = (min(first, second), max(first, second))
      let isBounded = random.below(3) > 0
      let bounds = isBounded ? #","minimum":\#(low),"maximum":\#(high)"# : ""
      let schema = #"{"type":"integer","multipleOf":\#(divisor)\#(bounds)}"#
      // Divisors with too many remainders are refused, whole ranges without a multiple, too.
      guard let grammar = try? Grammar(schema: Array(schema.utf8)) else { continue }
      for _ in 0..<100 {
        let number =
          random.below(2) == 0
          ? divisor * (random.below(400) - 200) : low - 20 + random.below(high - low + 40)
        let isIn = number % divisor == 0 && (!isBounded || (low...high).contains(number))
        #expect(grammar.matches(Array("\(number)".utf8)) == isIn, "\(schema) \(number)")
      }
      if !isBounded {
        let large = String(divisor) + "000000000000000000000000"
        #expect(grammar.matches(Array(large.utf8)), "\(schema) \(large)")
      }
    }
  }

  /// Multiples of fractions keep to what a double tells apart, where all validators find the same.
  @Test func multiplesOfFractionsAreExactAsDoubles() throws {
    try expectSchema(
      #"{"type": "number", "multipleOf": 0.015625}"#,
      takes: ["0.015625", "-999999999.984375", "0"],
      refuses: ["1000000000.015625", "-99999999998.859375", "0.01"])
    try expectSchema(
      #"{"type": "integer", "multipleOf": 0.5}"#, takes: ["99999999999999", "-7"],
      refuses: ["100000000000001", "0.5"])
    try expectSchema(
      #"{"type": "integer", "multipleOf": 2}"#, takes: ["100000000000000000000000002"],
      refuses: ["100000000000000000000000001"])
  }
}

// Owns: strings of a schema: lengths, patterns, formats.
// Must not: allow a string that one of the keywords refuses.

extension SchemaCompiler {
  mutating func string(_ object: JSONObject, _ next: Int32) throws(GrammarError) -> Int32 {
    let least = try count(object, "minLength") ?? 0
    let most = min(try count(object, "maxLength") ?? .max, GrammarLimits.stringLength)
    guard least <= GrammarLimits.stringLength else { throw .tooLarge("a minLength") }
    guard least <= most else { return try nothing("minLength is above maxLength") }
    let patterns = try patterns(object)
    guard let first = patterns.first else {
      return try program.jsonString(least: least, most: most, next)
    }
    guard patterns.count == 1 else {
      return try string(matching: patterns, object, least, most, next)
    }
    if object["minLength"] == nil, object["maxLength"] == nil, object["pattern"] == nil,
      let format = object["format"]?.text
    {
      let rule = try program.shared(.format(format)) { program, end throws(GrammarError) in
        try program.jsonString(matching: first, most: GrammarLimits.stringLength, end)
      }
      return try program.add(.call(start: rule, next: next))
    }
    guard !first.isImpossible, first.least <= most else {
      return try nothing("a pattern has no text that is short enough")
    }
    guard least > first.least else {
      return try program.jsonString(matching: first, most: most, next)
    }
    return try string(matching: patterns, object, least, most, next)
  }

  /// A string that all patterns match, with lengths that are told apart character by character.
  private mutating func string(
    matching patterns: [GrammarPattern], _ object: JSONObject, _ least: Int, _ most: Int,
    _ next: Int32
  ) throws(GrammarError) -> Int32 {
    guard let positions = try positions(of: patterns), positions.hasText else {
      return try nothing("two patterns have no text in common")
    }
    let most = object["maxLength"] == nil ? nil : most
    guard
      let node = try program.jsonString(matching: positions, least: least, most: most, next)
    else { return try nothing("a pattern has no text of the length that is asked for") }
    return node
  }

  /// What all patterns match; nil for no pattern.
  mutating func positions(
    of patterns: [GrammarPattern]
  ) throws(GrammarError) -> PatternPositions? {
    var whole: PatternPositions?
    for pattern in patterns {
      let positions = try PatternPositions(pattern, &program)
      guard let known = whole else {
        whole = positions
        continue
      }
      whole = try known.intersection(positions, &program)
    }
    return whole
  }

  /// All patterns of a schema, that of its format included.
  mutating func patterns(
    _ object: JSONObject, _ reading: GrammarPatternReader.Reading = .common
  ) throws(GrammarError) -> [GrammarPattern] {
    var patterns: [GrammarPattern] = []
    for text in try patternTexts(object) { patterns.append(try self.pattern(text, reading)) }
    if let format = object["format"]?.text {
      if let text = StringFormats.patterns[format] {
        patterns.append(try pattern(text))
      } else {
        noteUnkept(format)
      }
    }
    return patterns
  }

  /// The patterns that a schema states.
  func patternTexts(_ object: JSONObject) throws(GrammarError) -> [String] {
    var sources = object[SchemaKeywords.allPatterns]?.array ?? []
    if let pattern = object["pattern"] { sources.append(pattern) }
    return try sources.map { source throws(GrammarError) in
      guard let text = source.text else { throw .unsupported("a pattern that is no text") }
      return text
    }
  }

  /// A pattern, read anew each time.
  mutating func pattern(
    _ text: String, _ reading: GrammarPatternReader.Reading = .common
  ) throws(GrammarError) -> GrammarPattern {
    try spend(text.utf8.count, times: 8)
    return try GrammarPatternReader.read(text, reading)
  }

  /// Whether a text matches a pattern; throws where that depends on the dialect.
  mutating func matches(_ text: String, _ pattern: String) throws(GrammarError) -> Bool {
    let common = try PatternPositions(try self.pattern(pattern), &program)
    let either = try PatternPositions(try self.pattern(pattern, .either), &program)
    let isMatch = try common.matches(text, &program)
    guard try either.matches(text, &program) == isMatch else {
      throw .unsupported("a pattern that dialects read differently, and a text where it matters")
    }
    return isMatch
  }
}

/// Formats that answers are held to, as patterns. Each is within what its RFC allows, not all of
/// it.
enum StringFormats {
  static let patterns: [String: String] = [
    "date": "^\(date)$",
    "time": "^\(time)$",
    "date-time": "^\(date)T\(time)$",
    "duration": duration,
    "uuid": "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
    "ipv4": "^\(octet)(\\.\(octet)){3}$",
    "ipv6": "^(\(addresses))$",
    "hostname": "^\(host)$",
    "idn-hostname": "^\(host)$",
    "email": "^\(address)$",
    "idn-email": "^\(address)$",
    "uri": "^\(scheme)\(tail)$",
    "iri": "^\(scheme)\(tail)$",
    "uri-reference": "^(\(scheme)|\(relative))\(tail)$",
    "iri-reference": "^(\(scheme)|\(relative))\(tail)$",
    "json-pointer": "^(/([^~/]|~[01])*)*$",
  ]

  /// The days of the Gregorian calendar from year 1 (RFC 3339, full-date).
  private static let date =
    "((\(year))-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    + "|02-(0[1-9]|1[0-9]|2[0-8]))|([0-9]{2}(0[48]|[2468][048]|[13579][26])"
    + "|(0[48]|[2468][048]|[13579][26])00)-02-29)"
  private static let year = "000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3}"
  /// Without leap seconds (RFC 3339, full-time).
  private static let time =
    "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
  /// RFC 3339, appendix A.
  private static let duration =
    "^P([0-9]{1,9}W|([0-9]{1,9}Y([0-9]{1,9}M([0-9]{1,9}D)?)?|[0-9]{1,9}M([0-9]{1,9}D)?|[0-9]{1,9}D)"
    + "(T\(clock))?|T\(clock))$"
  private static let clock =
    "([0-9]{1,9}H([0-9]{1,9}M([0-9]{1,9}S)?)?|[0-9]{1,9}M([0-9]{1,9}S)?|[0-9]{1,9}S)"
  private static let octet = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
  /// Names of letters, digits and hyphens (RFC 1123), short enough for every resolver.
  private static let host = "\(label)(\\.\(label)){0,3}"
  private static let label = "[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?"
  /// RFC 5321, Dot-string, of at most 64 characters before the sign.
  private static let address = "\(atom)(\\.\(atom)){0,2}@\(host)"
  private static let atom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,20}"
  private static let group = "[0-9a-fA-F]{1,4}"
  /// All groups, or one gap among them (RFC 4291, 2.2).
  private static let addresses: String = {
    var forms = ["(\(group):){7}\(group)", "::(\(group)(:\(group)){0,6})?"]
    for before in 1...7 {
      let left = before == 1 ? group : "\(group)(:\(group)){\(before - 1)}"
      let after = 7 - before
      forms.append(
        after == 0
          ? "\(left)::" : "\(left)::(\(group)\(after == 1 ? "" : "(:\(group)){0,\(after - 1)}"))?")
    }
    return forms.joined(separator: "|")
  }()
  /// RFC 3986: pchar, with escapes.
  private static let character = "([A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})"
  private static let segment = "\(character)*"
  private static let authority = "\(host)(:[0-9]{1,4})?"
  private static let scheme =
    "[A-Za-z][A-Za-z0-9+.-]{0,31}:(//\(authority)(/\(segment))*|/?\(character)+(/\(segment))*)"
  /// A path whose first part has no colon, which would make it a scheme.
  private static let relative =
    "(/?([A-Za-z0-9._~!$&'()*+,;=@-]|%[0-9A-Fa-f]{2})+(/\(segment))*)?"
  private static let tail = "(\\?(\(character)|[/?])*)?(#(\(character)|[/?])*)?"
}

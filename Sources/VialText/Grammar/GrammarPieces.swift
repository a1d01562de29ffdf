// Owns: pieces that grammars are made of: literals, white space, characters, strings.
// Must not: read a schema.

extension GrammarProgram {
  /// The bytes, then `next`.
  mutating func literal(_ bytes: [UInt8], _ next: Int32) throws(GrammarError) -> Int32 {
    var next = next
    for byte in bytes.reversed() { next = try add(.byte(low: byte, high: byte, next: next)) }
    return next
  }

  /// The text, then `next`.
  mutating func literal(_ text: StaticString, _ next: Int32) throws(GrammarError) -> Int32 {
    try literal(Array(text.description.utf8), next)
  }

  /// One of several texts, then `next`; what they begin with in common is one path. Not recursive:
  /// texts may be long.
  mutating func literals(_ texts: [[UInt8]], _ next: Int32) throws(GrammarError) -> Int32 {
    for text in texts { try spend(text.count + 1) }
    // What may follow the bytes of the path so far, for each length of them.
    var starts: [[Int32]] = [[]]
    var path: [UInt8] = []
    for text in texts.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      let common = zip(path, text).prefix { $0 == $1 }.count
      try leave(&path, &starts, to: common)
      if text.count == common, starts[common].contains(next) { continue }
      for byte in text[common...] {
        path.append(byte)
        starts.append([])
      }
      starts[text.count].append(next)
    }
    try leave(&path, &starts, to: 0)
    guard !starts[0].isEmpty else { throw .contradictory("there are no alternatives") }
    return try either(starts[0])
  }

  /// Adds the nodes of a path behind its first `count` bytes.
  private mutating func leave(
    _ path: inout [UInt8], _ starts: inout [[Int32]], to count: Int
  ) throws(GrammarError) {
    while path.count > count, let byte = path.popLast(), let following = starts.popLast() {
      let node = try add(.byte(low: byte, high: byte, next: try either(following)))
      starts[starts.count - 1].append(node)
    }
  }

  /// One of several beginnings.
  mutating func either(_ starts: [Int32]) throws(GrammarError) -> Int32 {
    var result = starts[starts.count - 1]
    for start in starts.dropLast().reversed() { result = try add(.split(start, result)) }
    return result
  }

  /// Nothing or a space, then `next`.
  mutating func space(_ next: Int32) throws(GrammarError) -> Int32 {
    try either([try add(.byte(low: 0x20, high: 0x20, next: next)), next])
  }

  /// Nothing, a space, or a line end with an indentation of at most 24 spaces, then `next`.
  mutating func lineBreak(_ next: Int32) throws(GrammarError) -> Int32 {
    let rule = try shared(.lineBreak) { program, end throws(GrammarError) in
      let indent = try program.inScope(GrammarScope(least: 0, most: 24)) {
        program throws(GrammarError) in
        let loop = try program.placeholder()
        let blank = try program.add(.byte(low: 0x20, high: 0x20, next: loop))
        program.set(
          loop, try program.add(.leave(next: end)), try program.add(.count(rest: 0, next: blank)))
        return loop
      }
      return try program.either([
        try program.add(.byte(low: 0x0A, high: 0x0A, next: indent)),
        try program.add(.byte(low: 0x20, high: 0x20, next: end)), end,
      ])
    }
    return try add(.call(start: rule, next: next))
  }

  /// A character from `low` to `high` as UTF-8, then `next`; surrogates are left out.
  mutating func characters(
    _ low: UInt32, _ high: UInt32, _ next: Int32
  ) throws(GrammarError) -> [Int32] {
    var starts: [Int32] = []
    for (first, last) in [
      (0, 0x7F), (0x80, 0x7FF), (0x800, 0xD7FF), (0xE000, 0xFFFF), (0x10000, 0x10FFFF),
    ] as [(UInt32, UInt32)] {
      let (from, to) = (max(low, first), min(high, last))
      guard from <= to else { continue }
      starts += try sequences(Self.utf8(from), Self.utf8(to), next)
    }
    return starts
  }

  /// Byte sequences of equal length from `low` to `high`.
  private mutating func sequences(
    _ low: [UInt8], _ high: [UInt8], _ next: Int32
  ) throws(GrammarError) -> [Int32] {
    let (first, last) = (low[0], high[0])
    let (lowRest, highRest) = (Array(low.dropFirst()), Array(high.dropFirst()))
    guard !lowRest.isEmpty else { return [try add(.byte(low: first, high: last, next: next))] }
    let least = [UInt8](repeating: 0x80, count: lowRest.count)
    let most = [UInt8](repeating: 0xBF, count: lowRest.count)
    if first == last {
      let rest = try either(try sequences(lowRest, highRest, next))
      return [try add(.byte(low: first, high: first, next: rest))]
    }
    var starts: [Int32] = []
    var (from, to) = (first, last)
    if lowRest != least {
      let rest = try either(try sequences(lowRest, most, next))
      starts.append(try add(.byte(low: first, high: first, next: rest)))
      from += 1
    }
    if highRest != most {
      let rest = try either(try sequences(least, highRest, next))
      starts.append(try add(.byte(low: last, high: last, next: rest)))
      to -= 1
    }
    if from <= to {
      let rest = try either(try sequences(least, most, next))
      starts.append(try add(.byte(low: from, high: to, next: rest)))
    }
    return starts
  }

  private static func utf8(_ scalar: UInt32) -> [UInt8] {
    Unicode.Scalar(scalar).map { Array(String(Character($0)).utf8) } ?? []
  }

  /// A character of a JSON string as it may stand there, then `next`.
  mutating func jsonCharacter(_ next: Int32) throws(GrammarError) -> Int32 {
    var starts = try characters(0x20, 0x21, next)
    starts += try characters(0x23, 0x5B, next)
    starts += try characters(0x5D, 0x10FFFF, next)
    var escapes: [Int32] = []
    for byte in "\"\\/bfnrt".utf8 {
      escapes.append(try add(.byte(low: byte, high: byte, next: next)))
    }
    escapes.append(try literal("u", try unicodeEscape(next)))
    starts.append(try literal("\\", try either(escapes)))
    return try either(starts)
  }

  /// Four hexadecimal digits that are no surrogate and not zero, then `next`.
  private mutating func unicodeEscape(_ next: Int32) throws(GrammarError) -> Int32 {
    let one = try hexadecimal(next)
    let two = try hexadecimal(one)
    let three = try hexadecimal(two)
    let low = try either([
      try add(.byte(low: 0x30, high: 0x37, next: two))
    ])
    var starts = [try add(.byte(low: 0x31, high: 0x39, next: three))]
    for (first, last) in [(0x61, 0x63), (0x65, 0x66), (0x41, 0x43), (0x45, 0x46)]
      as [(UInt8, UInt8)]
    {
      starts.append(try add(.byte(low: first, high: last, next: three)))
    }
    starts.append(try add(.byte(low: 0x64, high: 0x64, next: low)))
    starts.append(try add(.byte(low: 0x44, high: 0x44, next: low)))
    // 00xx is left to the characters themselves.
    let nonZero = try either([
      try add(.byte(low: 0x31, high: 0x39, next: two)),
      try add(.byte(low: 0x61, high: 0x66, next: two)),
      try add(.byte(low: 0x41, high: 0x46, next: two)),
    ])
    starts.append(try add(.byte(low: 0x30, high: 0x30, next: nonZero)))
    return try either(starts)
  }

  private mutating func hexadecimal(_ next: Int32) throws(GrammarError) -> Int32 {
    try either([
      try add(.byte(low: 0x30, high: 0x39, next: next)),
      try add(.byte(low: 0x61, high: 0x66, next: next)),
      try add(.byte(low: 0x41, high: 0x46, next: next)),
    ])
  }

  /// A string in quotes of so many characters, then `next`.
  mutating func jsonString(
    least: Int, most: Int, _ next: Int32
  ) throws(GrammarError) -> Int32 {
    let rule = try shared(.string(least: least, most: most)) { program, end throws(GrammarError) in
      let close = try program.literal("\"", end)
      let content = try program.inScope(GrammarScope(least: least, most: most)) {
        program throws(GrammarError) in
        let loop = try program.placeholder()
        program.markFree(loop: loop)
        let character = try program.jsonCharacter(loop)
        program.set(
          loop, try program.add(.leave(next: close)),
          try program.add(.count(rest: 0, next: character)))
        return loop
      }
      return try program.literal("\"", content)
    }
    return try add(.call(start: rule, next: next))
  }
}

extension GrammarProgram {
  /// The rule of any value.
  mutating func anythingRule() throws(GrammarError) -> Int32 {
    if let known = sharedRule(.anything) { return known }
    let rule = try placeholder()
    setShared(.anything, rule)
    let start = try self.rule { program, end throws(GrammarError) in
      let signs = NumberSigns.any
      let item = GrammarEntry { program, next throws(GrammarError) in
        try program.add(.call(start: rule, next: next))
      }
      let member = GrammarEntry { program, next throws(GrammarError) in
        let value = try program.add(.call(start: rule, next: next))
        let colon = try program.literal(":", try program.space(value))
        return try program.key(colon)
      }
      return try program.either([
        try program.jsonString(least: 0, most: GrammarLimits.stringLength, end),
        try program.add(.call(start: program.free(signs, isInteger: false), next: end)),
        try program.literal("true", end), try program.literal("false", end),
        try program.literal("null", end),
        try program.list("[", "]", least: 0, most: nil, item, end),
        try program.list("{", "}", least: 0, most: nil, member, end),
      ])
    }
    set(rule, start, start)
    return rule
  }

  /// A key of any text, then `next`.
  mutating func key(_ next: Int32) throws(GrammarError) -> Int32 {
    try jsonString(least: 1, most: GrammarLimits.keyLength, next)
  }

  /// From `least` to `most` entries between brackets, with commas between them, then `next`.
  mutating func list(
    _ open: StaticString, _ close: StaticString, least: Int, most: Int?, _ entry: GrammarEntry,
    _ next: Int32
  ) throws(GrammarError) -> Int32 {
    let empty = try literal(close, next)
    let end = try lineBreak(empty)
    guard most != 0 else { return try literal(open, empty) }
    let first: Int32
    if least <= 1, most == nil {
      let more = try placeholder()
      let start = try entry.make(&self, more)
      set(more, end, try literal(",", try lineBreak(start)))
      first = try lineBreak(start)
    } else {
      first = try lineBreak(try counted(least: least, most: most, entry, end))
    }
    return try literal(open, least == 0 ? try either([empty, first]) : first)
  }

  /// Entries that are counted; each is a rule of its own, so that it can count by itself.
  mutating func counted(
    least: Int, most: Int?, _ entry: GrammarEntry, _ end: Int32
  ) throws(GrammarError) -> Int32 {
    let rule = try self.rule { program, end throws(GrammarError) in try entry.make(&program, end) }
    let scope = GrammarScope(
      least: min(least, GrammarLimits.entryCount),
      most: min(most ?? GrammarLimits.entryCount, GrammarLimits.entryCount))
    guard least <= GrammarLimits.entryCount else { return try dead() }
    return try inScope(scope) { program throws(GrammarError) in
      let loop = try program.placeholder()
      let behind = try program.placeholder()
      let item = try program.add(.call(start: rule, next: behind))
      let another = try program.literal(",", try program.lineBreak(item))
      program.set(
        behind, try program.add(.leave(next: end)),
        try program.add(.count(rest: 0, next: another)))
      let first = try program.add(.count(rest: 0, next: item))
      program.set(loop, first, first)
      return loop
    }
  }
}

/// One entry of a list: adds its nodes, which lead to the one that it is handed.
struct GrammarEntry {
  let make: (inout GrammarProgram, Int32) throws(GrammarError) -> Int32
}

// Owns: a pattern as the positions of its characters and which may follow each other: for patterns
// that are matched here, put together, or bound to lengths.
// Must not: run unbounded: what it costs is charged to a program.
// Source: Glushkov, "The abstract theory of automata", 1961.

/// The position automaton of a pattern.
struct PatternPositions {
  /// Characters of each position.
  private(set) var characters: [[ClosedRange<UInt32>]] = []
  /// Positions that may come behind each, ascending.
  private(set) var following: [[Int]] = []
  /// Positions that a text may begin with, ascending.
  private(set) var first: [Int] = []
  /// Positions that a text may end with.
  private(set) var last: Set<Int> = []
  /// Whether the empty text matches.
  private(set) var matchesEmpty = true

  /// A part of a pattern.
  private struct Part {
    var first: Set<Int> = []
    var last: Set<Int> = []
    var matchesEmpty = true
  }

  private init() {}

  /// Throws `tooLarge` when the pattern, its repetitions written out, has too many characters.
  init(_ pattern: GrammarPattern, _ program: inout GrammarProgram) throws(GrammarError) {
    var builder = Builder()
    let whole = try builder.add(pattern, &program)
    characters = builder.characters
    following = builder.following.map { $0.sorted() }
    first = whole.first.sorted()
    last = whole.last
    matchesEmpty = whole.matchesEmpty
  }

  /// Positions that may come behind all of them together.
  var edgeCount: Int { following.reduce(0) { $0 + $1.count } }

  /// Whether some text matches.
  var hasText: Bool { matchesEmpty || !last.isEmpty }

  private struct Builder {
    var characters: [[ClosedRange<UInt32>]] = []
    var following: [Set<Int>] = []

    mutating func add(
      _ pattern: GrammarPattern, _ program: inout GrammarProgram
    ) throws(GrammarError) -> Part {
      try program.spend(1)
      switch pattern.form {
      case .characters(let ranges):
        guard characters.count < GrammarLimits.positionCount else {
          throw .tooLarge("a pattern with lengths, or beside another one")
        }
        characters.append(ranges)
        following.append([])
        let position = characters.count - 1
        return Part(first: [position], last: [position], matchesEmpty: false)
      case .sequence(let parts):
        var result = Part()
        for part in parts { result = try join(result, try add(part, &program), &program) }
        return result
      case .alternatives(let parts):
        var result = Part(matchesEmpty: false)
        for part in parts {
          let part = try add(part, &program)
          try program.spend(part.first.count + part.last.count, times: 4)
          result.first.formUnion(part.first)
          result.last.formUnion(part.last)
          result.matchesEmpty = result.matchesEmpty || part.matchesEmpty
        }
        return result
      case .repetition(let part, let least, let most):
        return try repeated(part, least, most, &program)
      }
    }

    private mutating func repeated(
      _ pattern: GrammarPattern, _ least: Int, _ most: Int?, _ program: inout GrammarProgram
    ) throws(GrammarError) -> Part {
      var result = Part()
      for _ in 0..<least { result = try join(result, try add(pattern, &program), &program) }
      guard let most else {
        var more = try add(pattern, &program)
        try follow(more.last, more.first, &program)
        more.matchesEmpty = true
        return try join(result, more, &program)
      }
      for _ in least..<max(least, most) {
        var more = try add(pattern, &program)
        more.matchesEmpty = true
        result = try join(result, more, &program)
      }
      return result
    }

    /// Lets each of `next` come behind each of `positions`.
    private mutating func follow(
      _ positions: Set<Int>, _ next: Set<Int>, _ program: inout GrammarProgram
    ) throws(GrammarError) {
      try program.spend(positions.count, times: next.count * 4 + 4)
      try program.reserve(positions.count, of: next.count * 16)
      for position in positions { following[position].formUnion(next) }
    }

    private mutating func join(
      _ left: Part, _ right: Part, _ program: inout GrammarProgram
    ) throws(GrammarError) -> Part {
      try follow(left.last, right.first, &program)
      try program.spend(left.first.count + right.last.count + right.first.count, times: 4)
      return Part(
        first: left.matchesEmpty ? left.first.union(right.first) : left.first,
        last: right.matchesEmpty ? left.last.union(right.last) : right.last,
        matchesEmpty: left.matchesEmpty && right.matchesEmpty)
    }
  }

  // MARK: Two patterns

  /// What both patterns match: pairs of positions, as far as they are reached from the beginning.
  func intersection(
    _ other: PatternPositions, _ program: inout GrammarProgram
  ) throws(GrammarError) -> PatternPositions {
    var result = PatternPositions()
    var numbers: [Pair: Int] = [:]
    var open: [Pair] = []
    result.first = try result.add(first, other.first, self, other, &numbers, &open, &program)
    while let pair = open.popLast(), let number = numbers[pair] {
      result.following[number] = try result.add(
        following[pair.one], other.following[pair.other], self, other, &numbers, &open, &program)
      if last.contains(pair.one), other.last.contains(pair.other) { result.last.insert(number) }
    }
    result.matchesEmpty = matchesEmpty && other.matchesEmpty
    return result
  }

  private struct Pair: Hashable {
    let one: Int
    let other: Int
  }

  /// The numbers of pairs that have a character in common; new ones are opened.
  private mutating func add(
    _ ones: [Int], _ others: [Int], _ left: PatternPositions, _ right: PatternPositions,
    _ numbers: inout [Pair: Int], _ open: inout [Pair], _ program: inout GrammarProgram
  ) throws(GrammarError) -> [Int] {
    try program.spend(ones.count, times: others.count * 8)
    var result: [Int] = []
    for one in ones {
      for other in others {
        let pair = Pair(one: one, other: other)
        if let known = numbers[pair] {
          result.append(known)
          continue
        }
        try program.spend(left.characters[one].count + right.characters[other].count)
        let common = CharacterSet.intersection(left.characters[one], right.characters[other])
        guard !common.isEmpty else { continue }
        guard characters.count < GrammarLimits.positionCount else {
          throw .tooLarge("a pattern with lengths, or beside another one")
        }
        numbers[pair] = characters.count
        result.append(characters.count)
        characters.append(common)
        following.append([])
        open.append(pair)
      }
    }
    return result.sorted()
  }

  // MARK: Matching

  /// Whether a text matches as a whole. O(characters × positions), charged.
  func matches(
    _ text: String, _ program: inout GrammarProgram
  ) throws(GrammarError) -> Bool {
    var isFirst = true
    var current: Set<Int> = []
    for scalar in text.unicodeScalars {
      var next: Set<Int> = []
      let candidates = isFirst ? [first] : current.sorted().map { following[$0] }
      for list in candidates {
        try program.spend(list.count + 1, times: 4)
        for position in list
        where characters[position].contains(where: { $0.contains(scalar.value) }) {
          next.insert(position)
        }
      }
      current = next
      isFirst = false
      if current.isEmpty { return false }
    }
    return isFirst ? matchesEmpty : !current.isDisjoint(with: last)
  }
}

/// Sets of characters as ascending ranges that do not touch.
enum CharacterSet {
  static func union(_ ranges: [ClosedRange<UInt32>]) -> [ClosedRange<UInt32>] {
    var result: [ClosedRange<UInt32>] = []
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if let last = result.last, range.lowerBound <= last.upperBound &+ 1 {
        result[result.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
      } else {
        result.append(range)
      }
    }
    return result
  }

  static func complement(_ ranges: [ClosedRange<UInt32>]) -> [ClosedRange<UInt32>] {
    var result: [ClosedRange<UInt32>] = []
    var next: UInt32 = 0
    for range in union(ranges) {
      if range.lowerBound > next { result.append(next...range.lowerBound - 1) }
      next = range.upperBound + 1
    }
    if next <= 0x10FFFF { result.append(next...0x10FFFF) }
    return result
  }

  /// Of sets as `union` gives them. O(n + m).
  static func intersection(
    _ one: [ClosedRange<UInt32>], _ other: [ClosedRange<UInt32>]
  ) -> [ClosedRange<UInt32>] {
    var result: [ClosedRange<UInt32>] = []
    var (i, j) = (0, 0)
    while i < one.count, j < other.count {
      let low = max(one[i].lowerBound, other[j].lowerBound)
      let high = min(one[i].upperBound, other[j].upperBound)
      if low <= high { result.append(low...high) }
      if one[i].upperBound < other[j].upperBound { i += 1 } else { j += 1 }
    }
    return result
  }
}

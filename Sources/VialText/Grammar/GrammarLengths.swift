// Patterns with a least length: every place of the pattern together with every count of characters, as far as an end
// can be reached from it. Must not: have a place from which none can.

/// A pattern as the characters that may follow each other (Glushkov 1961). What it costs is charged to a program.
private struct PatternPlaces {
  /// Characters of each place.
  var characters: [[ClosedRange<UInt32>]] = []
  /// Places that may come behind each.
  var following: [Set<Int>] = []

  /// A part of the pattern.
  struct Part {
    var first: Set<Int> = []
    var last: Set<Int> = []
    var isEmpty = true
  }

  mutating func add(
    _ pattern: GrammarPattern, _ program: inout GrammarProgram
  ) throws(GrammarError) -> Part {
    try program.spend(1)
    switch pattern.form {
    case .characters(let ranges):
      guard characters.count < GrammarLimits.patternPlaceCount else {
        throw .tooLarge("a pattern with minLength")
      }
      characters.append(ranges)
      following.append([])
      let place = characters.count - 1
      return Part(first: [place], last: [place], isEmpty: false)
    case .sequence(let parts):
      var result = Part()
      for part in parts { result = try join(result, try add(part, &program), &program) }
      return result
    case .alternatives(let parts):
      var result = Part(isEmpty: false)
      for part in parts {
        let part = try add(part, &program)
        try program.spend(part.first.count + part.last.count, times: 4)
        result.first.formUnion(part.first)
        result.last.formUnion(part.last)
        result.isEmpty = result.isEmpty || part.isEmpty
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
      more.isEmpty = true
      return try join(result, more, &program)
    }
    for _ in least..<max(least, most) {
      var more = try add(pattern, &program)
      more.isEmpty = true
      result = try join(result, more, &program)
    }
    return result
  }

  /// Lets each of `next` come behind each of `places`.
  private mutating func follow(
    _ places: Set<Int>, _ next: Set<Int>, _ program: inout GrammarProgram
  ) throws(GrammarError) {
    try program.spend(places.count, times: next.count * 4 + 4)
    try program.reserve(places.count, of: next.count * 16)
    for place in places { following[place].formUnion(next) }
  }

  private mutating func join(
    _ left: Part, _ right: Part, _ program: inout GrammarProgram
  ) throws(GrammarError) -> Part {
    try follow(left.last, right.first, &program)
    try program.spend(left.first.count + right.last.count + right.first.count, times: 4)
    return Part(
      first: left.isEmpty ? left.first.union(right.first) : left.first,
      last: right.isEmpty ? left.last.union(right.last) : right.last,
      isEmpty: left.isEmpty && right.isEmpty)
  }
}

/// Places of a pattern behind so many characters; counts beyond the least length are alike when there is no greatest.
private struct CountedPlaces {
  let places: PatternPlaces
  let part: PatternPlaces.Part
  let least: Int
  let most: Int?
  /// Counts of characters that are told apart.
  let countLimit: Int
  private var isUseful: [Bool]
  private var nodes: [Int32?]
  /// Nodes whose followers are not added yet.
  private var pending: [(place: Int, count: Int, following: Int32)] = []

  init(
    _ pattern: GrammarPattern, least: Int, most: Int?, _ program: inout GrammarProgram
  ) throws(GrammarError) {
    var places = PatternPlaces()
    part = try places.add(pattern, &program)
    self.places = places
    (self.least, self.most) = (least, most)
    countLimit = most ?? least
    let (counts, isEndless) = countLimit.addingReportingOverflow(1)
    let (size, overflow) = places.characters.count.multipliedReportingOverflow(by: counts)
    guard !isEndless, !overflow, size <= GrammarLimits.nodeCount / 2 else {
      throw .tooLarge("a pattern with minLength")
    }
    // Each state looks at the places that may follow its own.
    let edges = places.following.reduce(0) { $0 + $1.count }
    try program.spend(edges + places.characters.count + 1, times: countLimit + 1)
    try program.reserve(size, of: 24)
    isUseful = [Bool](repeating: false, count: size)
    nodes = [Int32?](repeating: nil, count: size)
    findUseful()
  }

  private func index(_ place: Int, _ count: Int) -> Int { place * (countLimit + 1) + count }

  /// The count behind one character more; nil beyond the greatest length.
  private func next(_ count: Int) -> Int? {
    if count < countLimit { return count + 1 }
    return most == nil ? count : nil
  }

  /// From which places an end can be reached, from the greatest count down.
  private mutating func findUseful() {
    if most == nil {
      // Here counts lead to themselves.
      var pending = part.last.sorted()
      var preceding = [[Int]](repeating: [], count: places.following.count)
      for (place, following) in places.following.enumerated() {
        for after in following { preceding[after].append(place) }
      }
      for place in pending { isUseful[index(place, countLimit)] = true }
      while let place = pending.popLast() {
        for before in preceding[place] where !isUseful[index(before, countLimit)] {
          isUseful[index(before, countLimit)] = true
          pending.append(before)
        }
      }
    }
    for count in stride(from: most == nil ? countLimit - 1 : countLimit, through: 0, by: -1) {
      for place in places.characters.indices {
        let isEnd = count >= least && part.last.contains(place)
        isUseful[index(place, count)] =
          isEnd
          || next(count).map { after in
            places.following[place].contains { isUseful[index($0, after)] }
          } == true
      }
    }
  }

  /// The whole pattern, then `end`.
  mutating func start(
    _ program: inout GrammarProgram, _ end: Int32
  ) throws(GrammarError) -> Int32 {
    var starts = try behind(part.first, 0, &program)
    if part.isEmpty, least == 0 { starts.append(end) }
    guard !starts.isEmpty else {
      throw .contradictory("a pattern has no text of the length that is asked for")
    }
    while let (place, count, following) = pending.popLast() {
      var nexts = try behind(places.following[place], count, &program)
      if count >= least, part.last.contains(place) { nexts.append(end) }
      let rest = try program.either(nexts)
      program.set(following, rest, rest)
    }
    return try program.either(starts)
  }

  /// One of `candidates` as the next character behind `count`.
  private mutating func behind(
    _ candidates: Set<Int>, _ count: Int, _ program: inout GrammarProgram
  ) throws(GrammarError) -> [Int32] {
    guard let after = next(count) else { return [] }
    try program.spend(candidates.count, times: 16)
    var starts: [Int32] = []
    for place in candidates.sorted() where isUseful[index(place, after)] {
      starts.append(try node(place, after, &program))
    }
    return starts
  }

  /// A place's character that is number `count`; what may follow comes later.
  private mutating func node(
    _ place: Int, _ count: Int, _ program: inout GrammarProgram
  ) throws(GrammarError) -> Int32 {
    if let known = nodes[index(place, count)] { return known }
    let following = try program.placeholder()
    let start = try program.add(characters: places.characters[place], following)
    nodes[index(place, count)] = start
    pending.append((place, count, following))
    return start
  }
}

extension GrammarProgram {
  /// A string in quotes that the pattern matches, of `least` to `most` characters, then `next`.
  mutating func jsonString(
    matching pattern: GrammarPattern, least: Int, most: Int?, _ next: Int32
  ) throws(GrammarError) -> Int32 {
    let close = try literal("\"", next)
    var places = try CountedPlaces(pattern, least: least, most: most, &self)
    return try literal("\"", try places.start(&self, close))
  }
}

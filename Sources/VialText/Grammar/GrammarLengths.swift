// Owns: patterns whose strings have a least length: every position of the pattern together with
// every count of characters, as far as an end can be reached from it.
// Must not: have a position from which none can.

/// Places of a pattern behind so many characters; counts beyond the least length are alike when
/// there is no greatest.
private struct CountedPositions {
  let positions: PatternPositions
  let least: Int
  let most: Int?
  /// Counts of characters that are told apart.
  let countLimit: Int
  private var isUseful: [Bool]
  private var nodes: [Int32?]
  /// Nodes whose followers are not added yet.
  private var pending: [(position: Int, count: Int, following: Int32)] = []

  init(
    _ positions: PatternPositions, least: Int, most: Int?, _ program: inout GrammarProgram
  ) throws(GrammarError) {
    self.positions = positions
    (self.least, self.most) = (least, most)
    countLimit = most ?? least
    let (counts, isEndless) = countLimit.addingReportingOverflow(1)
    let (size, overflow) = positions.characters.count.multipliedReportingOverflow(by: counts)
    guard !isEndless, !overflow, size <= GrammarLimits.nodeCount / 2 else {
      throw .tooLarge("a pattern with minLength")
    }
    // Each state looks at the positions that may follow its own.
    try program.spend(positions.edgeCount + positions.characters.count + 1, times: countLimit + 1)
    try program.reserve(size, of: 24)
    isUseful = [Bool](repeating: false, count: size)
    nodes = [Int32?](repeating: nil, count: size)
    findUseful()
  }

  private func index(_ position: Int, _ count: Int) -> Int { position * (countLimit + 1) + count }

  /// The count behind one character more; nil beyond the greatest length.
  private func next(_ count: Int) -> Int? {
    if count < countLimit { return count + 1 }
    return most == nil ? count : nil
  }

  /// From which positions an end can be reached, from the greatest count down.
  private mutating func findUseful() {
    if most == nil {
      // Here counts lead to themselves.
      var pending = positions.last.sorted()
      var preceding = [[Int]](repeating: [], count: positions.following.count)
      for (position, following) in positions.following.enumerated() {
        for after in following { preceding[after].append(position) }
      }
      for position in pending { isUseful[index(position, countLimit)] = true }
      while let position = pending.popLast() {
        for before in preceding[position] where !isUseful[index(before, countLimit)] {
          isUseful[index(before, countLimit)] = true
          pending.append(before)
        }
      }
    }
    for count in stride(from: most == nil ? countLimit - 1 : countLimit, through: 0, by: -1) {
      for position in positions.characters.indices {
        let isEnd = count >= least && positions.last.contains(position)
        isUseful[index(position, count)] =
          isEnd
          || next(count).map { after in
            positions.following[position].contains { isUseful[index($0, after)] }
          } == true
      }
    }
  }

  /// The whole pattern, then `end`.
  mutating func start(
    _ program: inout GrammarProgram, _ end: Int32
  ) throws(GrammarError) -> Int32? {
    var starts = try behind(positions.first, 0, &program)
    if positions.matchesEmpty, least == 0 { starts.append(end) }
    guard !starts.isEmpty else { return nil }
    while let (position, count, following) = pending.popLast() {
      var nexts = try behind(positions.following[position], count, &program)
      if count >= least, positions.last.contains(position) { nexts.append(end) }
      let rest = try program.either(nexts)
      program.set(following, rest, rest)
    }
    return try program.either(starts)
  }

  /// One of `candidates` as the next character behind `count`.
  private mutating func behind(
    _ candidates: [Int], _ count: Int, _ program: inout GrammarProgram
  ) throws(GrammarError) -> [Int32] {
    guard let after = next(count) else { return [] }
    try program.spend(candidates.count, times: 16)
    var starts: [Int32] = []
    for position in candidates where isUseful[index(position, after)] {
      starts.append(try node(position, after, &program))
    }
    return starts
  }

  /// A place's character that is number `count`; what may follow comes later.
  private mutating func node(
    _ position: Int, _ count: Int, _ program: inout GrammarProgram
  ) throws(GrammarError) -> Int32 {
    if let known = nodes[index(position, count)] { return known }
    let following = try program.placeholder()
    let start = try program.add(characters: positions.characters[position], following)
    nodes[index(position, count)] = start
    pending.append((position, count, following))
    return start
  }
}

extension GrammarProgram {
  /// A string in quotes that a pattern matches, of `least` to `most` characters, then `next`; nil
  /// when there is none.
  mutating func jsonString(
    matching positions: PatternPositions, least: Int, most: Int?, _ next: Int32
  ) throws(GrammarError) -> Int32? {
    let close = try literal("\"", next)
    var positions = try CountedPositions(positions, least: least, most: most, &self)
    guard let start = try positions.start(&self, close) else { return nil }
    return try literal("\"", start)
  }
}

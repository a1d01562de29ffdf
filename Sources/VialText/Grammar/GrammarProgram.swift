// A grammar as a nondeterministic automaton over bytes, with one counter for the length of the string it is in.
// Owns: nodes and how a thread moves. Must not: know JSON, or have a node from which no end can be reached.

/// One node.
enum GrammarNode: Sendable {
  /// A byte from `low` to `high`.
  case byte(low: UInt8, high: UInt8, next: Int32)
  /// Both.
  case split(Int32, Int32)
  /// Begins to count.
  case enter(next: Int32)
  /// Counts a character, when it and `rest` more are still allowed.
  case count(rest: Int32, next: Int32)
  /// Goes on when enough was counted.
  case leave(next: Int32)
  /// The text may end here.
  case accept
}

/// Least and greatest number of characters of one string.
struct GrammarString: Sendable {
  let least: Int
  let most: Int
  /// Largest `rest` of its nodes.
  var longestRest = 0
  /// Where each of its characters begins, when they may be any; -1 otherwise.
  var loop: Int32 = -1
}

/// Where a parse stands: a node and the characters counted so far.
struct GrammarThread: Hashable, Sendable, Comparable {
  let node: Int32
  let count: Int32

  /// A count that stays between both ends of its string's length for as many bytes as a token has.
  static let far = Int32.max
  /// A count that stays below the least length for so long.
  static let below = Int32(-1)

  static func < (left: GrammarThread, right: GrammarThread) -> Bool {
    left.node != right.node ? left.node < right.node : left.count < right.count
  }
}

/// The automaton.
struct GrammarProgram: Sendable {
  private(set) var nodes: [GrammarNode] = []
  /// For each node the string that it lies in, -1 for none.
  private var stringOfNode: [Int32] = []
  private(set) var strings: [GrammarString] = []
  /// Where it begins.
  var start: Int32 = 0
  /// The string that nodes which are added lie in.
  private var string: Int32 = -1
  /// What building may still cost; `rewind` gives nothing back.
  private(set) var budget: WorkBudget

  /// An empty automaton.
  init(budget: WorkBudget) { self.budget = budget }

  // MARK: Building

  /// Charges the building with `count` times `steps`.
  mutating func spend(_ count: Int, times steps: Int = 1) throws(GrammarError) {
    guard budget.spend(count, times: steps) else {
      throw .tooLarge("it takes more work than a schema may")
    }
  }

  /// Charges the building with memory for `count` elements of `size` bytes.
  mutating func reserve(_ count: Int, of size: Int) throws(GrammarError) {
    guard budget.reserve(count, of: size) else {
      throw .tooLarge("it takes more memory than a schema may")
    }
  }

  mutating func add(_ node: GrammarNode) throws(GrammarError) -> Int32 {
    try spend(1)
    guard nodes.count < GrammarLimits.nodeCount else {
      throw .tooLarge("more states than an automaton may have")
    }
    if case .count(let rest, _) = node, string >= 0 {
      strings[Int(string)].longestRest = max(strings[Int(string)].longestRest, Int(rest))
    }
    nodes.append(node)
    stringOfNode.append(string)
    return Int32(nodes.count - 1)
  }

  /// A node whose successors are set later.
  mutating func placeholder() throws(GrammarError) -> Int32 { try add(.split(0, 0)) }

  mutating func set(_ index: Int32, _ first: Int32, _ second: Int32) {
    nodes[Int(index)] = .split(first, second)
  }

  /// Lets `body` add the nodes of a string of so many characters; they end by `leave`.
  mutating func inString(
    least: Int, most: Int, _ body: (inout GrammarProgram) throws(GrammarError) -> Int32
  ) throws(GrammarError) -> Int32 {
    try spend(1)
    let outer = string
    strings.append(GrammarString(least: least, most: most))
    string = Int32(strings.count - 1)
    defer { string = outer }
    let start = try body(&self)
    return try add(.enter(next: start))
  }

  // MARK: Running

  /// All threads that `thread` is at without a byte, put into `threads`: bytes and ends only. What is met behind the
  /// first `closureCount` nodes of one byte is left out: it is not offered.
  private func close(
    _ thread: GrammarThread, into threads: inout [GrammarThread], _ seen: inout SeenThreads
  ) {
    var pending = [thread]
    while seen.count < GrammarLimits.closureCount, let thread = pending.popLast() {
      guard seen.insert(thread) else { continue }
      let count = Int(thread.count)
      switch nodes[Int(thread.node)] {
      case .byte, .accept:
        if threads.count < GrammarLimits.threadCount { threads.append(thread) }
      case .split(let first, let second):
        if second != first { pending.append(GrammarThread(node: second, count: thread.count)) }
        pending.append(GrammarThread(node: first, count: thread.count))
      case .enter(let next): pending.append(GrammarThread(node: next, count: 0))
      case .count(let rest, let next):
        let most = strings[Int(stringOfNode[Int(thread.node)])].most
        if thread.count == GrammarThread.far || thread.count == GrammarThread.below {
          pending.append(GrammarThread(node: next, count: thread.count))
        } else if count + 1 + Int(rest) <= most {
          pending.append(GrammarThread(node: next, count: thread.count + 1))
        }
      case .leave(let next):
        // `far` is greater than any length.
        let least = strings[Int(stringOfNode[Int(thread.node)])].least
        if count >= least { pending.append(GrammarThread(node: next, count: 0)) }
      }
    }
  }

  /// The threads at the beginning.
  func initial() -> [GrammarThread] {
    var threads: [GrammarThread] = []
    var seen = SeenThreads()
    close(GrammarThread(node: start, count: 0), into: &threads, &seen)
    return threads
  }

  /// The threads after a byte; none when the byte is not allowed.
  func step(_ threads: [GrammarThread], _ byte: UInt8) -> [GrammarThread] {
    var work = 0
    return step(threads, byte, work: &work)
  }

  /// The same, and how many nodes it took, added to `work`.
  func step(_ threads: [GrammarThread], _ byte: UInt8, work: inout Int) -> [GrammarThread] {
    var result: [GrammarThread] = []
    var seen = SeenThreads()
    for thread in threads {
      if case .byte(let low, let high, let next) = nodes[Int(thread.node)], low <= byte,
        byte <= high
      {
        close(GrammarThread(node: next, count: thread.count), into: &result, &seen)
      }
    }
    work += seen.count + threads.count
    return result
  }

  /// Bytes around `byte` that lead `threads` to the same ones.
  func alike(_ threads: [GrammarThread], _ byte: UInt8) -> ClosedRange<UInt8> {
    var (first, last) = (UInt8.min, UInt8.max)
    for thread in threads {
      guard case .byte(let low, let high, _) = nodes[Int(thread.node)] else { continue }
      if byte < low {
        last = min(last, low - 1)
      } else if byte > high {
        first = max(first, high + 1)
      } else {
        (first, last) = (max(first, low), min(last, high))
      }
    }
    return first...last
  }

  /// Whether the text may end.
  func isAccepting(_ threads: [GrammarThread]) -> Bool {
    threads.contains {
      if case .accept = nodes[Int($0.node)] { true } else { false }
    }
  }

  /// Whether the text can only end.
  func isOver(_ threads: [GrammarThread]) -> Bool {
    threads.allSatisfy {
      if case .accept = nodes[Int($0.node)] { true } else { false }
    }
  }

  /// Threads that behave the same for as many bytes as a token has: counts that are far from both ends of a
  /// string's length are alike, and stay so on the way through a token. Sorted, each once.
  func canonical(_ threads: [GrammarThread]) -> [GrammarThread] {
    var result = threads.map(canonical).sorted()
    guard result.count > 1 else { return result }
    var kept = 1
    for index in 1..<result.count where result[index] != result[kept - 1] {
      result[kept] = result[index]
      kept += 1
    }
    result.removeLast(result.count - kept)
    return result
  }

  private func canonical(_ thread: GrammarThread) -> GrammarThread {
    let index = stringOfNode[Int(thread.node)]
    guard index >= 0 else { return GrammarThread(node: thread.node, count: 0) }
    guard thread.count != GrammarThread.far, thread.count != GrammarThread.below else {
      return thread
    }
    let string = strings[Int(index)]
    let window = GrammarLimits.tokenByteCount + string.longestRest
    let count = Int(thread.count)
    if string.least - count > window {
      return GrammarThread(node: thread.node, count: GrammarThread.below)
    }
    if count >= string.least, string.most - count > window {
      return GrammarThread(node: thread.node, count: GrammarThread.far)
    }
    return thread
  }

  /// How many more characters may come, at least as many as a token has when there are more, where `threads` are
  /// exactly those between two characters of a string of any characters; nil elsewhere. `threads` are canonical.
  func freeCharacterCount(_ threads: [GrammarThread]) -> Int? {
    let inside = threads.first { thread in
      let string = stringOfNode[Int(thread.node)]
      return string >= 0 && strings[Int(string)].loop >= 0
    }
    guard let inside else { return nil }
    let string = strings[Int(stringOfNode[Int(inside.node)])]
    let isExact = inside.count != GrammarThread.far && inside.count != GrammarThread.below
    let count = isExact ? inside.count - 1 : inside.count
    guard isExact ? count >= 0 : true else { return nil }
    var between: [GrammarThread] = []
    var seen = SeenThreads()
    close(GrammarThread(node: string.loop, count: count), into: &between, &seen)
    guard canonical(between) == threads else { return nil }
    return isExact ? string.most - Int(count) : GrammarLimits.tokenByteCount
  }

  /// Marks the string that is being added as one of any characters, each of which begins at `loop`.
  mutating func markFree(loop: Int32) {
    if string >= 0 { strings[Int(string)].loop = loop }
  }

  /// Drops what was added since there were so many nodes.
  mutating func rewind(to count: Int) {
    nodes.removeLast(nodes.count - count)
    stringOfNode.removeLast(stringOfNode.count - count)
  }
}

/// Threads that were met: a few are searched one by one, many are hashed.
private struct SeenThreads {
  private var few: [GrammarThread] = []
  private var many: Set<GrammarThread> = []
  private static let limit = 24

  var count: Int { few.count + many.count }

  /// Whether the thread is new.
  mutating func insert(_ thread: GrammarThread) -> Bool {
    if few.contains(thread) { return false }
    if few.count < Self.limit {
      few.append(thread)
      return true
    }
    return many.insert(thread).inserted
  }
}

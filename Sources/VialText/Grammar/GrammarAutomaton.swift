// Owns: a grammar over a vocabulary: which tokens may come next; the deterministic states that were
// met, their transitions and masks.
// Must not: let what is remembered decide a mask: it depends on grammar, vocabulary and state
// alone.
// It serves one thread at a time.

/// Masks of one grammar.
public final class GrammarAutomaton {
  /// Bytes that lead from a state to the same state.
  private struct Edge {
    let next: Int32
    /// Nodes that finding it took.
    let cost: Int32
    /// The walk that went along it last.
    var walk: Int
  }

  private var runner: GrammarRunner
  private let tries: TokenTries
  private let endTokens: [UInt32]
  private var states: [[GrammarThread]] = []
  private var numbers: [[GrammarThread]: Int32] = [:]
  /// Threads of all states.
  private var threadCount = 0
  private var edges: [Edge] = []
  /// For each state and byte its edge.
  private var edgeOfByte: [Int32] = []
  private var masks: [Int32: [UInt64]] = [:]
  /// A walk met more states than are remembered.
  private var isOverfull = false
  /// Nodes of the edges that the walk went along so far, whether they were known before or not:
  /// what is remembered must not decide how far a walk comes.
  private var work = 0
  /// Walks so far.
  private var walkCount = 0
  /// Nodes that were visited for the last mask; 0 when it was remembered.
  public private(set) var spent = 0
  private static let unknown: Int32 = -1
  private static let dead: Int32 = -1

  /// - Parameter endTokens: ids that end an answer.
  public init(_ grammar: Grammar, vocabulary: GrammarVocabulary, endTokens: [UInt32]) {
    runner = GrammarRunner(grammar.program)
    tries = vocabulary.tries
    self.endTokens = endTokens
  }

  /// A bit for each id that may come next. O(tokens) the first time, then O(1).
  func mask(for threads: [GrammarThread], of stack: GrammarStack) -> [UInt64] {
    spent = 0
    // Start from nothing rather than run out of room on the way.
    if states.count > GrammarLimits.stateCount / 2 || threadCount > Self.threadLimit / 2
      || masks.count >= maskLimit || runner.stack.frames.count > GrammarLimits.frameCount / 2
    {
      forget()
    }
    var canonical = runner.canonical(threads, of: stack)
    if let number = numbers[canonical], let mask = masks[number] { return mask }
    var mask = walk(from: number(canonical))
    if isOverfull {
      // The same state again, from an empty memory: the outcome then depends on the state alone.
      forget()
      canonical = runner.canonical(threads, of: stack)
      mask = walk(from: number(canonical))
      if isOverfull {
        forget()
        return mask
      }
    }
    if let number = numbers[canonical] { masks[number] = mask }
    return mask
  }

  /// Masks that are remembered.
  private var maskLimit: Int {
    min(GrammarLimits.maskCount, GrammarLimits.automatonByteCount / max(1, tries.idCount / 8))
  }

  /// Threads of all states that are remembered.
  private static let threadLimit =
    GrammarLimits.automatonByteCount / MemoryLayout<GrammarThread>.stride

  private func forget() {
    threadCount = 0
    runner.stack.removeAll()
    states.removeAll(keepingCapacity: true)
    numbers.removeAll(keepingCapacity: true)
    edges.removeAll(keepingCapacity: true)
    edgeOfByte.removeAll(keepingCapacity: true)
    masks.removeAll(keepingCapacity: true)
    isOverfull = false
  }

  /// The number of a state; nil when there is no room for it.
  private func number(_ threads: [GrammarThread]) -> Int32? {
    if let number = numbers[threads] { return number }
    guard states.count < GrammarLimits.stateCount,
      threadCount + threads.count <= Self.threadLimit,
      runner.stack.frames.count < GrammarLimits.frameCount
    else { return nil }
    threadCount += threads.count
    let number = Int32(states.count)
    states.append(threads)
    numbers[threads] = number
    edgeOfByte.append(contentsOf: repeatElement(Self.unknown, count: 256))
    return number
  }

  /// The state behind a byte; `dead` where none is, or where the walk has gone far enough.
  private func transition(_ state: Int32, _ byte: UInt8) -> Int32 {
    let known = Int(edgeOfByte[Int(state) * 256 + Int(byte)])
    if known >= 0, edges[known].walk == walkCount { return edges[known].next }
    guard work < GrammarLimits.maskWork else { return Self.dead }
    let edge = known >= 0 ? known : newEdge(state, byte)
    edges[edge].walk = walkCount
    work += Int(edges[edge].cost)
    return edges[edge].next
  }

  /// Finds the state behind a byte, and notes it for all bytes around it that lead to the same
  /// threads.
  private func newEdge(_ state: Int32, _ byte: UInt8) -> Int {
    var cost = 0
    let threads = runner.step(states[Int(state)], byte, work: &cost)
    spent += cost
    var next = Self.dead
    if !threads.isEmpty {
      if let number = number(runner.canonical(threads)) {
        next = number
      } else {
        isOverfull = true
      }
    }
    let edge = edges.count
    edges.append(Edge(next: next, cost: Int32(clamping: cost), walk: 0))
    for alike in runner.alike(states[Int(state)], byte) {
      edgeOfByte[Int(state) * 256 + Int(alike)] = Int32(edge)
    }
    return edge
  }

  /// - Parameter start: nil where there is no room for the state; then nothing is offered.
  private func walk(from start: Int32?) -> [UInt64] {
    guard let start else {
      isOverfull = true
      return [UInt64](repeating: 0, count: (tries.idCount + 63) / 64)
    }
    work = 0
    walkCount += 1
    // Between two characters of a string of any characters, plain tokens need no walk.
    let free = runner.freeCharacterCount(states[Int(start)])
    var mask =
      free.map { tries.plain[min(max(0, $0), tries.plain.count - 1)] }
      ?? [UInt64](repeating: 0, count: (tries.idCount + 63) / 64)
    if runner.isAccepting(states[Int(start)]) {
      for id in endTokens where Int(id) < tries.idCount {
        mask[Int(id) / 64] |= 1 << UInt64(id % 64)
      }
    }
    walk(free == nil ? tries.all : tries.rest, from: start, &mask)
    return mask
  }

  private func walk(_ trie: TokenTrie, from start: Int32, _ mask: inout [UInt64]) {
    var path = [Int32](repeating: start, count: GrammarLimits.tokenByteCount + 1)
    var (node, visited) = (0, 0)
    while node < trie.bytes.count {
      visited += 1
      let depth = Int(trie.depths[node])
      let next = transition(path[depth], trie.bytes[node])
      guard next != Self.dead else {
        node = Int(trie.ends[node])
        continue
      }
      path[depth + 1] = next
      for index in Int(trie.firstTokens[node])..<Int(trie.firstTokens[node + 1]) {
        let id = trie.tokens[index]
        mask[Int(id) / 64] |= 1 << UInt64(id % 64)
      }
      node += 1
    }
    spent += visited / Self.visitsPerNode
  }

  /// Nodes of a vocabulary's trie that cost as much to pass as one of the grammar's.
  private static let visitsPerNode = 16

  // MARK: A parse

  func initial(_ stack: inout GrammarStack) -> [GrammarThread] {
    with(&stack) { $0.initial() }
  }

  func step(
    _ threads: [GrammarThread], _ byte: UInt8, _ stack: inout GrammarStack
  ) -> [GrammarThread] {
    with(&stack) { $0.step(threads, byte) }
  }

  func isAccepting(_ threads: [GrammarThread]) -> Bool { runner.isAccepting(threads) }

  func isOver(_ threads: [GrammarThread]) -> Bool { runner.isOver(threads) }

  /// Lends the scratch memory to an answer with a table of stacks of its own.
  private func with<Result>(
    _ stack: inout GrammarStack, _ body: (inout GrammarRunner) -> Result
  ) -> Result {
    swap(&runner.stack, &stack)
    defer { swap(&runner.stack, &stack) }
    return body(&runner)
  }
}

/// One answer's way through a grammar.
public struct GrammarMatcher {
  private let automaton: GrammarAutomaton
  private var threads: [GrammarThread]
  private var stack = GrammarStack()

  /// At the beginning of an answer.
  public init(_ automaton: GrammarAutomaton) {
    self.automaton = automaton
    threads = automaton.initial(&stack)
  }

  /// A bit for each id that may come next; end tokens where the text may end.
  public func mask() -> [UInt64] { automaton.mask(for: threads, of: stack) }

  /// Nodes that the last mask of this grammar took, whoever asked for it; 0 when it was remembered.
  public var maskCost: Int { automaton.spent }

  /// Takes a token's bytes; false when they are not allowed, which a token of the mask never is.
  public mutating func advance(_ bytes: Span<UInt8>) -> Bool {
    for index in bytes.indices {
      threads = automaton.step(threads, bytes[index], &stack)
      if threads.isEmpty { return false }
    }
    if stack.frames.count > GrammarLimits.frameCount / 2 { forgetFrames() }
    return true
  }

  /// Keeps the frames that are still in use.
  private mutating func forgetFrames() {
    var kept = GrammarStack()
    threads = threads.map { thread in
      var path: [GrammarStack.Frame] = []
      var number = thread.stack
      while number >= 0 {
        path.append(stack.frames[Int(number)])
        number = stack.frames[Int(number)].parent
      }
      var result = GrammarStack.none
      for frame in path.reversed() {
        result = kept.number(
          of: GrammarStack.Frame(next: frame.next, count: frame.count, parent: result))
      }
      return GrammarThread(node: thread.node, count: thread.count, stack: result)
    }
    stack = kept
  }

  /// Whether the text so far satisfies the grammar.
  public var isComplete: Bool { automaton.isAccepting(threads) }

  /// Whether it does and nothing may follow.
  public var isOver: Bool { automaton.isOver(threads) }
}

// A grammar over a vocabulary: which tokens may come next, remembered by where a parse stands.
// Owns the deterministic states that were met, their transitions and masks. Must not: let what is remembered decide
// a mask: it depends on grammar, vocabulary and state alone. One thread at a time.

/// Masks of one grammar.
public final class GrammarAutomaton {
  private let program: GrammarProgram
  private let tries: TokenTries
  private let endTokens: [UInt32]
  private var states: [[GrammarThread]] = []
  private var numbers: [[GrammarThread]: Int32] = [:]
  /// 256 for each state.
  private var transitions: [Int32] = []
  private var masks: [Int32: [UInt64]] = [:]
  /// A walk met more states than are remembered, or took more work than one may.
  private var isOverfull = false
  /// Nodes that the walk took so far.
  private var work = 0
  private static let unknown: Int32 = -2
  private static let dead: Int32 = -1

  /// - Parameter endTokens: ids that end an answer.
  public init(_ grammar: Grammar, vocabulary: GrammarVocabulary, endTokens: [UInt32]) {
    program = grammar.program
    tries = vocabulary.tries
    self.endTokens = endTokens
  }

  /// A bit for each id that may come next. O(tokens) the first time, then O(1).
  func mask(for threads: [GrammarThread]) -> [UInt64] {
    let canonical = program.canonical(threads)
    if let number = numbers[canonical], let mask = masks[number] { return mask }
    // Start from nothing rather than run out of room on the way.
    if states.count > GrammarLimits.stateCount / 2 || masks.count >= GrammarLimits.maskCount {
      forget()
    }
    var mask = walk(from: number(canonical) ?? 0)
    if isOverfull {
      // The same state again, from an empty memory: the outcome then depends on the state alone.
      forget()
      mask = walk(from: number(canonical) ?? 0)
      if isOverfull {
        forget()
        return mask
      }
    }
    if let number = numbers[canonical] { masks[number] = mask }
    return mask
  }

  private func forget() {
    states.removeAll(keepingCapacity: true)
    numbers.removeAll(keepingCapacity: true)
    transitions.removeAll(keepingCapacity: true)
    masks.removeAll(keepingCapacity: true)
    isOverfull = false
  }

  /// The number of a state; nil when there is no room for it.
  private func number(_ threads: [GrammarThread]) -> Int32? {
    if let number = numbers[threads] { return number }
    guard states.count < GrammarLimits.stateCount else { return nil }
    let number = Int32(states.count)
    states.append(threads)
    numbers[threads] = number
    transitions.append(contentsOf: repeatElement(Self.unknown, count: 256))
    return number
  }

  private func transition(_ state: Int32, _ byte: UInt8) -> Int32 {
    let known = transitions[Int(state) * 256 + Int(byte)]
    return known != Self.unknown ? known : newTransition(state, byte)
  }

  /// The state behind a byte, noted for all bytes around it that lead to the same threads.
  private func newTransition(_ state: Int32, _ byte: UInt8) -> Int32 {
    guard work < GrammarLimits.maskWork else {
      isOverfull = true
      return Self.dead
    }
    let threads = program.step(states[Int(state)], byte, work: &work)
    var next = Self.dead
    if !threads.isEmpty {
      if let number = number(program.canonical(threads)) {
        next = number
      } else {
        isOverfull = true
      }
    }
    for alike in program.alike(states[Int(state)], byte) {
      transitions[Int(state) * 256 + Int(alike)] = next
    }
    return next
  }

  private func walk(from start: Int32) -> [UInt64] {
    work = 0
    // Between two characters of a string of any characters, plain tokens need no walk.
    let free = program.freeCharacterCount(states[Int(start)])
    var mask =
      free.map { tries.plain[min($0, tries.plain.count - 1)] }
      ?? [UInt64](repeating: 0, count: (tries.idCount + 63) / 64)
    if program.isAccepting(states[Int(start)]) {
      for id in endTokens where Int(id) < tries.idCount {
        mask[Int(id) / 64] |= 1 << UInt64(id % 64)
      }
    }
    walk(free == nil ? tries.all : tries.rest, from: start, &mask)
    return mask
  }

  private func walk(_ trie: TokenTrie, from start: Int32, _ mask: inout [UInt64]) {
    var path = [Int32](repeating: start, count: GrammarLimits.tokenByteCount + 1)
    var node = 0
    while node < trie.bytes.count {
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
  }

  // MARK: A parse

  func initial() -> [GrammarThread] { program.initial().sorted() }

  func isAccepting(_ threads: [GrammarThread]) -> Bool { program.isAccepting(threads) }

  func isOver(_ threads: [GrammarThread]) -> Bool { program.isOver(threads) }

  func step(_ threads: [GrammarThread], _ byte: UInt8) -> [GrammarThread] {
    // In the order that walks have, so that what is cut of too many alternatives is the same.
    program.step(threads, byte).sorted()
  }
}

/// One answer's way through a grammar.
public struct GrammarMatcher {
  private let automaton: GrammarAutomaton
  private var threads: [GrammarThread]

  /// At the beginning of an answer.
  public init(_ automaton: GrammarAutomaton) {
    self.automaton = automaton
    threads = automaton.initial()
  }

  /// A bit for each id that may come next; end tokens where the text may end.
  public func mask() -> [UInt64] { automaton.mask(for: threads) }

  /// Takes a token's bytes; false when they are not allowed, which a token of the mask never is.
  public mutating func advance(_ bytes: Span<UInt8>) -> Bool {
    for index in bytes.indices {
      threads = automaton.step(threads, bytes[index])
      if threads.isEmpty { return false }
    }
    return true
  }

  /// Whether the text so far satisfies the grammar.
  public var isComplete: Bool { automaton.isAccepting(threads) }

  /// Whether it does and nothing may follow.
  public var isOver: Bool { automaton.isOver(threads) }
}

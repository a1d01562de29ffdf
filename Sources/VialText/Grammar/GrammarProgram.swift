// Owns: a grammar as a nondeterministic automaton over bytes with a stack, built backwards: its
// nodes, and what each needs to reach an end.
// Must not: know JSON, or run (`GrammarRunner` does).
// Source: recursive transition networks (Woods, "Transition network grammars for natural language
// analysis", 1970).
//
// Sub-automata ("rules") are shared: a call goes to one and a return leads back.
// One count belongs to the innermost scope, a string's characters or an array's items; a call saves
// it.

/// One node.
enum GrammarNode: Sendable {
  /// A byte from `low` to `high`; none when `low` is above `high`.
  case byte(low: UInt8, high: UInt8, next: Int32)
  /// Both.
  case split(Int32, Int32)
  /// The rule at `start`, then `next`.
  case call(start: Int32, next: Int32)
  /// Back to behind the call.
  case ret
  /// Begins to count.
  case enter(next: Int32)
  /// Counts one more, when it and `rest` more are still allowed.
  case count(rest: Int32, next: Int32)
  /// Goes on when enough was counted, and not too much.
  case leave(next: Int32)
  /// The text may end here.
  case accept
}

/// Least and greatest count of one scope.
struct GrammarScope: Sendable {
  let least: Int
  let most: Int
  /// More than `most` may be counted, but then the scope cannot be left: an answer that goes on
  /// ends with its budget.
  var isOpen = false
  /// Largest `rest` of its nodes.
  var longestRest = 0
  /// Where each character of a string begins, when it may be any; -1 otherwise.
  var loop: Int32 = -1
}

/// Rules that many schemas have.
enum SharedRule: Hashable, Sendable {
  case lineBreak
  case integer(NumberSigns)
  case number(NumberSigns)
  case string(least: Int, most: Int)
  case format(String)
  case anything
}

/// The automaton.
struct GrammarProgram: Sendable {
  private(set) var nodes: [GrammarNode] = []
  /// For each node the scope that it lies in, -1 for none.
  private(set) var scopeOfNode: [Int32] = []
  private(set) var scopes: [GrammarScope] = []
  /// For each node the calls inside of each other that are needed from it to the end of its rule;
  /// `endless`: no number is enough.
  private(set) var needs: [UInt8] = []
  /// Where it begins.
  var start: Int32 = 0
  /// Rules that stand for the same wherever they are called.
  private var sharedRules: [SharedRule: Int32] = [:]
  /// The end of all rules.
  private var ruleEnd: Int32?
  /// The scope that nodes which are added lie in.
  private var scope: Int32 = -1
  /// What building may still cost.
  private(set) var budget: WorkBudget

  /// From a node that needs so many, no end can be reached.
  static let endless = UInt8.max

  /// An empty automaton.
  init(budget: WorkBudget) { self.budget = budget }

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
    if case .count(let rest, _) = node, scope >= 0 {
      scopes[Int(scope)].longestRest = max(scopes[Int(scope)].longestRest, Int(rest))
    }
    nodes.append(node)
    scopeOfNode.append(scope)
    return Int32(nodes.count - 1)
  }

  /// A node that no text gets through.
  mutating func dead() throws(GrammarError) -> Int32 {
    try add(.byte(low: 1, high: 0, next: 0))
  }

  /// A node whose successors are set later.
  mutating func placeholder() throws(GrammarError) -> Int32 { try dead() }

  mutating func set(_ index: Int32, _ first: Int32, _ second: Int32) {
    nodes[Int(index)] = .split(first, second)
  }

  /// Lets `body` add the nodes of a scope; they end by `leave`.
  mutating func inScope(
    _ scope: GrammarScope, _ body: (inout GrammarProgram) throws(GrammarError) -> Int32
  ) throws(GrammarError) -> Int32 {
    try spend(1)
    let outer = self.scope
    scopes.append(scope)
    self.scope = Int32(scopes.count - 1)
    defer { self.scope = outer }
    let start = try body(&self)
    return try add(.enter(next: start))
  }

  /// Lets `body` add a rule: what is called, up to the node that it is handed.
  mutating func rule(
    _ body: (inout GrammarProgram, Int32) throws(GrammarError) -> Int32
  ) throws(GrammarError) -> Int32 {
    let outer = beginRule()
    defer { endRule(outer) }
    return try body(&self, try ruleEnding())
  }

  /// Nodes from here on belong to a rule, in no scope; hand the result to `endRule`.
  mutating func beginRule() -> Int32 {
    defer { scope = -1 }
    return scope
  }

  mutating func endRule(_ outer: Int32) { scope = outer }

  /// The end of every rule.
  mutating func ruleEnding() throws(GrammarError) -> Int32 {
    if let ruleEnd { return ruleEnd }
    let end = try add(.ret)
    ruleEnd = end
    return end
  }

  func sharedRule(_ key: SharedRule) -> Int32? { sharedRules[key] }

  mutating func setShared(_ key: SharedRule, _ rule: Int32) { sharedRules[key] = rule }

  /// The rule with this key; made by `body` the first time.
  mutating func shared(
    _ key: SharedRule, _ body: (inout GrammarProgram, Int32) throws(GrammarError) -> Int32
  ) throws(GrammarError) -> Int32 {
    if let known = sharedRules[key] { return known }
    let start = try rule(body)
    sharedRules[key] = start
    return start
  }

  /// Marks the string that is being added as one of any characters, each of which begins at `loop`.
  mutating func markFree(loop: Int32) {
    if scope >= 0 { scopes[Int(scope)].loop = loop }
  }

  // MARK: What nodes need

  /// Finds out what each node needs, once all of them are there. O(nodes × nesting).
  mutating func finish() throws(GrammarError) {
    needs = [UInt8](repeating: Self.endless, count: nodes.count)
    var isDone = false
    while !isDone {
      isDone = true
      try spend(nodes.count)
      // Built backwards, so that one pass gets nearly everything.
      for index in nodes.indices {
        let need = need(of: nodes[index])
        if need < needs[index] {
          needs[index] = need
          isDone = false
        }
      }
    }
  }

  private func need(of node: GrammarNode) -> UInt8 {
    switch node {
    case .ret, .accept: 0
    case .byte(let low, let high, let next): low <= high ? needs[Int(next)] : Self.endless
    case .split(let first, let second): min(needs[Int(first)], needs[Int(second)])
    case .call(let start, let next): max(inner(needs[Int(start)]), needs[Int(next)])
    case .enter(let next), .count(_, let next), .leave(let next): needs[Int(next)]
    }
  }

  private func inner(_ need: UInt8) -> UInt8 { need >= Self.endless - 1 ? Self.endless : need + 1 }

  /// Whether some text satisfies it.
  var hasEnd: Bool { needs[Int(start)] != Self.endless }

  /// Calls inside of each other that a text may have.
  var depthLimit: Int { max(GrammarLimits.callDepth, Int(needs[Int(start)])) }
}

// Owns: how threads move through a grammar: scratch memory and a table of stacks.
// Must not: hold text, or decide which token comes.

/// Steps through one program. One thread of the system at a time.
struct GrammarRunner: Sendable {
  let program: GrammarProgram
  /// The stacks of the threads that it made.
  var stack = GrammarStack()
  private let depthLimit: Int
  private var pending: [GrammarThread] = []
  /// For each node the closure that met it last, with the count and stack of `main`.
  private var marks: [UInt32]
  private var closure: UInt32 = 0
  /// The count and stack that most threads of a closure have.
  private var main = (count: Int32(0), stack: GrammarStack.none)
  private var others: Set<GrammarThread> = []
  private var metCount = 0

  init(_ program: GrammarProgram) {
    self.program = program
    depthLimit = program.depthLimit
    marks = [UInt32](repeating: 0, count: program.nodes.count)
  }

  /// The threads at the beginning.
  mutating func initial() -> [GrammarThread] {
    begin(GrammarThread(node: program.start, count: 0, stack: GrammarStack.none))
    var threads: [GrammarThread] = []
    close(GrammarThread(node: program.start, count: 0, stack: GrammarStack.none), into: &threads)
    return sorted(threads)
  }

  /// The threads after a byte, in an order that depends on them alone; none when the byte is not
  /// allowed. Adds to `work` how many nodes that took.
  mutating func step(
    _ threads: [GrammarThread], _ byte: UInt8, work: inout Int
  ) -> [GrammarThread] {
    var result: [GrammarThread] = []
    var isFirst = true
    for thread in threads {
      guard case .byte(let low, let high, let next) = program.nodes[Int(thread.node)],
        low <= byte, byte <= high
      else { continue }
      let moved = GrammarThread(node: next, count: thread.count, stack: thread.stack)
      if isFirst { begin(moved) }
      isFirst = false
      close(moved, into: &result)
    }
    work += threads.count + (isFirst ? 0 : metCount)
    return sorted(result)
  }

  mutating func step(_ threads: [GrammarThread], _ byte: UInt8) -> [GrammarThread] {
    var work = 0
    return step(threads, byte, work: &work)
  }

  /// In the order of nodes, counts and stacks, so that what is cut of too many threads is always
  /// the same.
  func sorted(_ threads: [GrammarThread]) -> [GrammarThread] {
    guard threads.count > 1 else { return threads }
    return threads.sorted { left, right in
      if left.node != right.node { return left.node < right.node }
      if left.count != right.count { return left.count < right.count }
      return stack.precedes(left.stack, right.stack)
    }
  }

  // MARK: Closure

  private mutating func begin(_ first: GrammarThread) {
    main = (first.count, first.stack)
    metCount = 0
    others.removeAll(keepingCapacity: true)
    closure &+= 1
    if closure == 0 {
      for index in marks.indices { marks[index] = 0 }
      closure = 1
    }
  }

  /// Whether the closure has not met the thread before.
  private mutating func meets(_ thread: GrammarThread) -> Bool {
    if thread.count == main.count, thread.stack == main.stack {
      guard marks[Int(thread.node)] != closure else { return false }
      marks[Int(thread.node)] = closure
    } else {
      guard others.insert(thread).inserted else { return false }
    }
    metCount += 1
    return true
  }

  /// All threads that `thread` is at without a byte, put into `threads`: bytes and ends only. What
  /// is met behind the first `closureCount` nodes of one byte is left out: it is not offered. So is
  /// what no end can be reached from.
  private mutating func close(_ thread: GrammarThread, into threads: inout [GrammarThread]) {
    pending.append(thread)
    while let thread = pending.popLast() {
      guard metCount < GrammarLimits.closureCount else {
        pending.removeAll(keepingCapacity: true)
        return
      }
      let need = program.needs[Int(thread.node)]
      guard need != GrammarProgram.endless, stack.depth(thread.stack) + Int(need) <= depthLimit,
        meets(thread)
      else { continue }
      follow(thread, into: &threads)
    }
  }

  private mutating func follow(_ thread: GrammarThread, into threads: inout [GrammarThread]) {
    func at(_ node: Int32, _ count: Int32) -> GrammarThread {
      GrammarThread(node: node, count: count, stack: thread.stack)
    }
    switch program.nodes[Int(thread.node)] {
    case .byte, .accept:
      if threads.count < GrammarLimits.threadCount { threads.append(thread) }
    case .split(let first, let second):
      if second != first { pending.append(at(second, thread.count)) }
      pending.append(at(first, thread.count))
    case .call(let start, let next):
      let frame = GrammarStack.Frame(next: next, count: thread.count, parent: thread.stack)
      pending.append(GrammarThread(node: start, count: 0, stack: stack.number(of: frame)))
    case .ret:
      guard thread.stack >= 0 else { return }
      let frame = stack.frames[Int(thread.stack)]
      pending.append(GrammarThread(node: frame.next, count: frame.count, stack: frame.parent))
    case .enter(let next): pending.append(at(next, 0))
    case .count(let rest, let next):
      if let count = counted(thread, rest) { pending.append(at(next, count)) }
    case .leave(let next):
      let scope = program.scopes[Int(program.scopeOfNode[Int(thread.node)])]
      let count = Int(thread.count)
      let isEnough =
        thread.count == GrammarThread.far || count >= scope.least && count <= scope.most
      if isEnough { pending.append(at(next, 0)) }
    }
  }

  /// The count with one more; nil when there are no more.
  private func counted(_ thread: GrammarThread, _ rest: Int32) -> Int32? {
    guard thread.count != GrammarThread.far, thread.count != GrammarThread.below else {
      return thread.count
    }
    let scope = program.scopes[Int(program.scopeOfNode[Int(thread.node)])]
    if Int(thread.count) + 1 + Int(rest) <= scope.most { return thread.count + 1 }
    return scope.isOpen ? Int32(clamping: scope.most + 1) : nil
  }

  // MARK: What threads say

  /// Bytes around `byte` that lead `threads` to the same ones.
  func alike(_ threads: [GrammarThread], _ byte: UInt8) -> ClosedRange<UInt8> {
    var (first, last) = (UInt8.min, UInt8.max)
    for thread in threads {
      guard case .byte(let low, let high, _) = program.nodes[Int(thread.node)], low <= high else {
        continue
      }
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

  private func isEnd(_ thread: GrammarThread) -> Bool {
    if case .accept = program.nodes[Int(thread.node)] { true } else { false }
  }

  /// Whether the text may end.
  func isAccepting(_ threads: [GrammarThread]) -> Bool { threads.contains(where: isEnd) }

  /// Whether the text can only end.
  func isOver(_ threads: [GrammarThread]) -> Bool { threads.allSatisfy(isEnd) }

  // MARK: Threads that are alike

  /// Threads as they behave for as many bytes as a token has: counts that are far from both ends of
  /// their scope are alike, and stay so on the way through a token. Sorted, each once.
  /// - Parameter source: the table that their stacks are in; nil: this one.
  mutating func canonical(
    _ threads: [GrammarThread], of source: GrammarStack? = nil
  ) -> [GrammarThread] {
    var known = (from: GrammarStack.none, to: GrammarStack.none)
    var result: [GrammarThread] = []
    result.reserveCapacity(threads.count)
    for thread in threads {
      if thread.stack != known.from || result.isEmpty {
        known = (thread.stack, canonicalStack(thread.stack, of: source))
      }
      result.append(
        GrammarThread(
          node: thread.node, count: canonical(thread.count, at: thread.node), stack: known.to))
    }
    result = sorted(result)
    guard result.count > 1 else { return result }
    var kept = 1
    for index in 1..<result.count where result[index] != result[kept - 1] {
      result[kept] = result[index]
      kept += 1
    }
    result.removeLast(result.count - kept)
    return result
  }

  private mutating func canonicalStack(_ number: Int32, of source: GrammarStack?) -> Int32 {
    var path: [GrammarStack.Frame] = []
    var number = number
    while number >= 0 {
      let frame = source.map { $0.frames[Int(number)] } ?? stack.frames[Int(number)]
      path.append(frame)
      number = frame.parent
    }
    var result = GrammarStack.none
    for frame in path.reversed() {
      result = stack.number(
        of: GrammarStack.Frame(
          next: frame.next, count: canonical(frame.count, at: frame.next), parent: result))
    }
    return result
  }

  private func canonical(_ count: Int32, at node: Int32) -> Int32 {
    let index = program.scopeOfNode[Int(node)]
    guard index >= 0 else { return 0 }
    guard count != GrammarThread.far, count != GrammarThread.below else { return count }
    let scope = program.scopes[Int(index)]
    let window = GrammarLimits.tokenByteCount + scope.longestRest
    if scope.least - Int(count) > window { return GrammarThread.below }
    if Int(count) >= scope.least, scope.most - Int(count) > window { return GrammarThread.far }
    return count
  }

  /// How many more characters may come, at least as many as a token has when there are more, where
  /// `threads` are exactly those between two characters of a string of any characters; nil
  /// elsewhere. `threads` are canonical.
  mutating func freeCharacterCount(_ threads: [GrammarThread]) -> Int? {
    let inside = threads.first { thread in
      let scope = program.scopeOfNode[Int(thread.node)]
      return scope >= 0 && program.scopes[Int(scope)].loop >= 0
    }
    guard let inside else { return nil }
    let scope = program.scopes[Int(program.scopeOfNode[Int(inside.node)])]
    let isExact = inside.count != GrammarThread.far && inside.count != GrammarThread.below
    let count = isExact ? inside.count - 1 : inside.count
    guard !isExact || count >= 0 else { return nil }
    var between: [GrammarThread] = []
    let loop = GrammarThread(node: scope.loop, count: count, stack: inside.stack)
    begin(loop)
    close(loop, into: &between)
    guard canonical(between) == threads else { return nil }
    return isExact ? scope.most - Int(count) : GrammarLimits.tokenByteCount
  }
}

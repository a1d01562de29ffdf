// Owns: the calls that parses are inside of, each once: threads name them by number.
// Must not: hold text.

/// Frames of one automaton, or of one answer.
struct GrammarStack: Sendable {
  /// A call that has not returned.
  struct Frame: Hashable, Sendable {
    /// Where it returns to.
    let next: Int32
    /// What was counted around it.
    let count: Int32
    /// The frame around it; `none` for none.
    let parent: Int32
  }

  private(set) var frames: [Frame] = []
  private(set) var depths: [UInt8] = []
  private var numbers: [Frame: Int32] = [:]

  /// No frame.
  static let none = Int32(-1)

  /// Calls inside of each other, up to and with this one.
  @inline(__always) func depth(_ number: Int32) -> Int {
    number < 0 ? 0 : Int(depths[Int(number)])
  }

  /// The number of a frame.
  mutating func number(of frame: Frame) -> Int32 {
    if let number = numbers[frame] { return number }
    let number = Int32(frames.count)
    depths.append(UInt8(clamping: depth(frame.parent) + 1))
    frames.append(frame)
    numbers[frame] = number
    return number
  }

  mutating func removeAll() {
    frames.removeAll(keepingCapacity: true)
    depths.removeAll(keepingCapacity: true)
    numbers.removeAll(keepingCapacity: true)
  }

  /// Whether one stack comes before another, by what is on them; the numbers of two tables can be
  /// compared so.
  func precedes(_ left: Int32, _ right: Int32) -> Bool {
    var (left, right) = (left, right)
    while left != right {
      let (one, other) = (depth(left), depth(right))
      if one != other { return one < other }
      let (first, second) = (frames[Int(left)], frames[Int(right)])
      if first.next != second.next { return first.next < second.next }
      if first.count != second.count { return first.count < second.count }
      (left, right) = (first.parent, second.parent)
    }
    return false
  }
}

/// Where a parse stands: a node, what was counted, and the calls around it.
struct GrammarThread: Hashable, Sendable {
  let node: Int32
  let count: Int32
  let stack: Int32

  /// A count that stays between both ends of its scope for as many bytes as a token has.
  static let far = Int32.max
  /// A count that stays below the least for so long.
  static let below = Int32(-1)
}

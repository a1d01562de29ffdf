// Owns: the syntax tree of a chat template.
// Must not: decide what is supported; the compiler does, after folding away what never runs.

/// An expression with the line it stands on.
struct JinjaExpression: Sendable {
  indirect enum Node: Sendable {
    case string([UInt8])
    case integer(Int)
    case bool(Bool)
    case none
    case name(String)
    /// `a.b`, or `a['b']` with a literal key.
    case attribute(JinjaExpression, String)
    case index(JinjaExpression, JinjaExpression)
    case slice(JinjaExpression, JinjaExpression?, JinjaExpression?, JinjaExpression?)
    case call(JinjaExpression, [JinjaExpression], [(name: String, value: JinjaExpression)])
    case filter(JinjaExpression, String, [JinjaExpression])
    case test(JinjaExpression, String, [JinjaExpression], isNegated: Bool)
    case not(JinjaExpression)
    case negate(JinjaExpression)
    case binary(String, JinjaExpression, JinjaExpression)
    case and(JinjaExpression, JinjaExpression)
    case or(JinjaExpression, JinjaExpression)
    case conditional(JinjaExpression, then: JinjaExpression, otherwise: JinjaExpression?)
    case list([JinjaExpression])
    /// A list in round brackets, whose elements fill a format in turn.
    case tuple([JinjaExpression])
    case dictionary([(key: JinjaExpression, value: JinjaExpression)])
    /// A named argument of a filter.
    case named(String, JinjaExpression)
    /// Parsed, never run.
    case other(String)
  }

  let node: Node
  let line: Int
}

/// `for variable in list if condition … else otherwise`.
struct JinjaLoop {
  let variable: String
  /// `for key, value in …`: the variables behind the first.
  var further: [String] = []
  /// The variable of a whole element; one that no template can name where its parts have variables.
  var elementName: String { further.isEmpty ? variable : " pair" }
  let list: JinjaExpression
  let condition: JinjaExpression?
  let body: [JinjaStatement]
  let otherwise: [JinjaStatement]
  let line: Int
}

/// A macro's parameters, with their defaults, and body.
struct JinjaMacro {
  let parameters: [(name: String, fallback: JinjaExpression?)]
  let body: [JinjaStatement]
}

/// A statement.
indirect enum JinjaStatement {
  case text([UInt8])
  case output(JinjaExpression)
  case ifElse([(condition: JinjaExpression, body: [JinjaStatement])], otherwise: [JinjaStatement])
  case forLoop(JinjaLoop)
  case breakLoop(line: Int)
  case continueLoop(line: Int)
  /// `set name`, and what its body writes.
  case setBlock(String, [JinjaStatement], line: Int)
  case macro(String, JinjaMacro)
  /// `set name = value`.
  case set(String, JinjaExpression)
  /// `set space.name = value`.
  case setAttribute(String, String, JinjaExpression)
  /// Parsed, never run.
  case other(String, line: Int)
}

// Owns: what the keywords of objects say, read once.
// Must not: compile.

/// The constraints of an object.
struct ObjectShape {
  var properties: [JSONObject.Member] = []
  var required: [JSONString] = []
  /// Pattern and schema.
  var patterns: [JSONObject.Member] = []
  /// Of properties that are neither named nor matched.
  var additional = JSONValue.bool(true)
  var names: JSONValue?
  var least = 0
  var most: Int?
  /// A property, and those that must be there with it.
  var dependencies: [(key: JSONString, needed: [JSONString])] = []

  /// Whether each property comes or not whatever the others do.
  var isPlain: Bool { least == 0 && most == nil && dependencies.isEmpty }

  init(_ object: JSONObject, _ compiler: SchemaCompiler) throws(GrammarError) {
    properties = try Self.members(object["properties"], "properties that are no object")
    patterns = try Self.members(object["patternProperties"], "patternProperties that are no object")
    required = try Self.names(object["required"])
    additional = object["additionalProperties"] ?? .bool(true)
    names = object["propertyNames"]
    least = try compiler.count(object, "minProperties") ?? 0
    most = try compiler.count(object, "maxProperties")
    if least == 1, !required.isEmpty { least = 0 }
    for keyword in ["dependentRequired", "dependencies"] as [JSONString] {
      for member in try Self.members(object[keyword], "dependencies that are no object") {
        dependencies.append((member.key, try Self.names(member.value)))
      }
    }
  }

  private static func members(
    _ value: JSONValue?, _ what: StaticString
  ) throws(GrammarError) -> [JSONObject.Member] {
    guard let value else { return [] }
    guard let object = value.object else { throw .unsupported(what) }
    return object.members
  }

  private static func names(_ value: JSONValue?) throws(GrammarError) -> [JSONString] {
    guard let value else { return [] }
    guard let list = value.array else { throw .unsupported("required that is no list") }
    var names: [JSONString] = []
    for name in list {
      guard let name = name.string else { throw .unsupported("a required name that is no text") }
      names.append(name)
    }
    return names
  }
}

/// What must be known of the properties before one to tell which may follow.
struct ObjectStates {
  /// Properties so far.
  struct State: Hashable {
    /// How many are there, up to the greatest number that matters.
    var count = 0
    /// A bit for each property that others depend on, or that depends on others, when it is there.
    var there: UInt64 = 0
  }

  private let count: Int
  private let least: Int
  private let most: Int
  /// For each property those that it needs, and those that need it, each once: a schema may say so
  /// thousands of times.
  private var needed: [Set<Int>]
  private var needing: [Set<Int>]
  /// For each property its bit; nil when nothing depends on it.
  private var bits: [Int?]
  /// Properties that may never come: what they need is not there.
  private var isBarred: [Bool]
  private static let bitLimit = 16
  private static let stateLimit = 1024

  init(_ keys: [JSONString], _ shape: ObjectShape) throws(GrammarError) {
    count = keys.count
    least = shape.least
    most = min(shape.most ?? keys.count, keys.count)
    bits = [Int?](repeating: nil, count: keys.count)
    isBarred = [Bool](repeating: false, count: keys.count)
    needed = [Set<Int>](repeating: [], count: keys.count)
    needing = needed
    let numbers = Dictionary(keys.enumerated().map { ($1, $0) }) { first, _ in first }
    var bitCount = 0
    for (key, others) in shape.dependencies {
      guard let index = numbers[key] else { continue }
      for other in others {
        guard let target = numbers[other] else {
          isBarred[index] = true
          continue
        }
        for property in [index, target] where bits[property] == nil {
          bits[property] = bitCount
          bitCount += 1
        }
        needed[index].insert(target)
        needing[target].insert(index)
      }
    }
    guard bitCount <= Self.bitLimit else { throw .tooLarge("dependencies of an object") }
  }

  private func isThere(_ index: Int, _ state: State) -> Bool {
    bits[index].map { state.there >> UInt64($0) & 1 == 1 } ?? false
  }

  /// The state with a property; nil when it may not come.
  func including(_ index: Int, _ state: State) -> State? {
    guard !isBarred[index], state.count < most else { return nil }
    // What it needs and was left out cannot come any more.
    guard needed[index].allSatisfy({ $0 >= index || isThere($0, state) }) else { return nil }
    var state = state
    state.count = min(state.count + 1, max(least, most))
    if let bit = bits[index] { state.there |= 1 << UInt64(bit) }
    return state
  }

  /// The state without a property; nil when one before needs it.
  func excluding(_ index: Int, _ state: State) -> State? {
    let isNeeded = needing[index].contains { $0 < index && isThere($0, state) }
    return isNeeded ? nil : state
  }

  /// Whether the object may end in this state behind a property, all others being left out.
  func mayEnd(_ state: State, behind index: Int, _ isRequired: [Bool]) -> Bool {
    guard state.count >= least else { return false }
    for other in (index + 1)..<max(index + 1, count) {
      if isRequired[other] || excluding(other, state) == nil { return false }
    }
    return true
  }

  /// For each property the states that the ones before it may leave.
  func reachable(
    _ isRequired: [Bool], _ compiler: SchemaCompiler
  ) throws(GrammarError) -> [[State]] {
    var result: [[State]] = []
    var states: Set<State> = [State()]
    for index in 0..<count {
      guard states.count <= Self.stateLimit else { throw .tooLarge("dependencies of an object") }
      result.append(
        states.sorted { ($0.count, $0.there) < ($1.count, $1.there) })
      var next: Set<State> = []
      for state in states {
        if let included = including(index, state) { next.insert(included) }
        if !isRequired[index], let excluded = excluding(index, state) { next.insert(excluded) }
      }
      states = next
    }
    return result
  }
}

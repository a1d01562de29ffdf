// Owns: the reading of a conversation's JSON texts: tools, and what messages have besides their
// role and content.
// Must not: keep text anywhere but in the caller's memory, or accept what the grammar refuses, half
// a surrogate pair or a key that an object has twice.
// Source: RFC 8259.

/// Reads a JSON text into nodes. Linear in the text's length; at most `depthLimit` levels deep.
public struct ChatValueReader: ~Copyable, ~Escapable {
  /// What a text takes.
  public struct Size: Sendable {
    /// Bytes of all strings and numbers.
    public let byteCount: Int
    /// Nodes of all values.
    public let nodeCount: Int
  }

  /// Deepest nesting of lists and objects.
  public static let depthLimit = 64
  /// Most digits of an integer, its sign not counted; Python reads no longer one. Also most bytes
  /// of any other number, where further digits change nothing that a double holds.
  public static let numberDigitLimit = 4300
  /// Most values of a text, keys included.
  public static let nodeLimit = TemplateLayout.maxValueCount

  let json: Span<UInt8>
  private var output: MutableSpan<UInt8>
  private var nodes: MutableSpan<ChatNode>
  /// Where `output` and `nodes` begin in the conversation's.
  private let (textStart, nodeStart): (Int, Int)
  private var (byteCount, nodeCount) = (0, 0)
  var position = 0

  /// Reads `json`: strings and numbers go to the start of `output`, values to the start of `nodes`.
  /// What does not fit is counted, not written, so a size above a capacity asks for another call.
  /// - Parameter textStart, nodeStart: where the two begin in the conversation's text and nodes.
  /// - Throws: `invalidJSON`, `invalidUTF8`, `repeatedKey`, `nestedTooDeep` or `numberOutOfRange`
  ///   with the offset; `tooManyValues`.
  public static func read(
    _ json: Span<UInt8>, into output: inout MutableSpan<UInt8>, at textStart: Int,
    nodes: inout MutableSpan<ChatNode>, at nodeStart: Int
  ) throws(TextError) -> Size {
    var reader = ChatValueReader(
      json, output._mutatingExtracting(...), nodes._mutatingExtracting(...), textStart, nodeStart)
    reader.skipSpace()
    try reader.value(depth: 0)
    reader.skipSpace()
    guard reader.position == json.count else { throw reader.error }
    return Size(byteCount: reader.byteCount, nodeCount: reader.nodeCount)
  }

  @_lifetime(copy json, copy output, copy nodes)
  private init(
    _ json: Span<UInt8>, _ output: consuming MutableSpan<UInt8>,
    _ nodes: consuming MutableSpan<ChatNode>, _ textStart: Int, _ nodeStart: Int
  ) {
    self.json = json
    self.output = output
    self.nodes = nodes
    (self.textStart, self.nodeStart) = (textStart, nodeStart)
  }

  var error: TextError { .invalidJSON(offset: position) }

  /// The byte at the cursor; 0, which no token starts with, at the end.
  var current: UInt8 { position < json.count ? json[position] : 0 }

  @_lifetime(self: copy self)
  private mutating func skipSpace() {
    while [0x20, 0x09, 0x0A, 0x0D].contains(current) { position += 1 }
  }

  /// Steps over a byte that must stand here.
  @_lifetime(self: copy self)
  private mutating func expect(_ byte: UInt8) throws(TextError) {
    guard current == byte else { throw error }
    position += 1
  }

  // MARK: Output

  @_lifetime(self: copy self)
  mutating func write(_ byte: UInt8) {
    if byteCount < output.count { output[byteCount] = byte }
    byteCount += 1
  }

  /// A node whose text and end are still to come; returns its number.
  @_lifetime(self: copy self)
  private mutating func begin(_ kind: ChatNode.Kind) throws(TextError) -> Int {
    guard nodeCount < Self.nodeLimit else { throw .tooManyValues }
    if nodeCount < nodes.count {
      nodes[nodeCount] = ChatNode(
        kind: kind, text: TextRange(start: textStart + byteCount, byteCount: 0), end: 0)
    }
    nodeCount += 1
    return nodeCount - 1
  }

  @_lifetime(self: copy self)
  private mutating func end(_ node: Int) {
    guard node < nodes.count else { return }
    nodes[node].text.byteCount = textStart + byteCount - nodes[node].text.start
    nodes[node].end = nodeStart + nodeCount
  }

  // MARK: Values

  @_lifetime(self: copy self)
  private mutating func value(depth: Int) throws(TextError) {
    switch current {
    case 0x7B: try object(depth: depth + 1)
    case 0x5B: try list(depth: depth + 1)
    case 0x22: try string()
    case 0x74: try word("true", .yes)
    case 0x66: try word("false", .no)
    case 0x6E: try word("null", .null)
    case 0x2D, 0x30...0x39:
      let node = try begin(.number)
      try number()
      end(node)
    default: throw error
    }
  }

  @_lifetime(self: copy self)
  private mutating func word(_ word: String, _ kind: ChatNode.Kind) throws(TextError) {
    for byte in word.utf8 { try expect(byte) }
    end(try begin(kind))
  }

  @_lifetime(self: copy self)
  private mutating func string() throws(TextError) {
    let node = try begin(.string)
    try quoted()
    end(node)
  }

  @_lifetime(self: copy self)
  private mutating func list(depth: Int) throws(TextError) {
    guard depth <= Self.depthLimit else { throw .nestedTooDeep(offset: position) }
    let node = try begin(.list)
    position += 1
    skipSpace()
    if current == 0x5D {
      position += 1
    } else {
      repeat {
        skipSpace()
        try value(depth: depth)
        skipSpace()
      } while try goesOn(until: 0x5D)
    }
    close(node)
  }

  @_lifetime(self: copy self)
  private mutating func object(depth: Int) throws(TextError) {
    guard depth <= Self.depthLimit else { throw .nestedTooDeep(offset: position) }
    let node = try begin(.object)
    // Of a key only a hash that changes with every process is remembered.
    var keys: Set<Int> = []
    position += 1
    skipSpace()
    if current == 0x7D {
      position += 1
    } else {
      repeat {
        skipSpace()
        guard current == 0x22 else { throw error }
        let start = position
        try string()
        guard keys.insert(hash(from: start)).inserted else { throw .repeatedKey(offset: start) }
        skipSpace()
        try expect(0x3A)
        skipSpace()
        try value(depth: depth)
        skipSpace()
      } while try goesOn(until: 0x7D)
    }
    close(node)
  }

  /// Whether a comma stands here, and not the end; steps over either.
  @_lifetime(self: copy self)
  private mutating func goesOn(until end: UInt8) throws(TextError) -> Bool {
    let byte = current
    guard byte == 0x2C || byte == end else { throw error }
    position += 1
    return byte == 0x2C
  }

  /// A list or object has no text of its own.
  @_lifetime(self: copy self)
  private mutating func close(_ node: Int) {
    guard node < nodes.count else { return }
    nodes[node].text.byteCount = 0
    nodes[node].end = nodeStart + nodeCount
  }
}

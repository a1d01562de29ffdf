// Owns: a text with places for variables: `{{name}}`, and `{{{{` for two braces.
// Must not: know anything else: no conditions, no loops, no filters.

/// A template's text, cut at its variables.
public struct PromptText: Sendable {
  /// A stretch of the text, or the number of a variable.
  enum Piece: Sendable {
    case text(Range<Int>)
    case variable(Int)
  }

  /// As it was written.
  public let source: String
  let bytes: [UInt8]
  let pieces: [Piece]

  /// Cuts a text; nil when `{{` begins neither a variable of `names` with `}}` behind it nor
  /// `{{{{`.
  public init?(_ source: String, names: [String]) {
    let bytes = Array(source.utf8)
    let numbers = Dictionary(names.enumerated().map { (JSONString($1), $0) }) { first, _ in first }
    var pieces: [Piece] = []
    var (start, position) = (0, 0)
    func flush(to end: Int) { if end > start { pieces.append(.text(start..<end)) } }
    while position < bytes.count {
      guard bytes[position...].starts(with: Self.open) else {
        position += 1
        continue
      }
      if bytes[(position + 2)...].starts(with: Self.open) {
        // The first two of the four braces stay.
        flush(to: position + 2)
        position += 4
        start = position
        continue
      }
      var end = position + 2
      while end < bytes.count, bytes[end] != Self.close[0] { end += 1 }
      let name = JSONString(bytes: Array(bytes[(position + 2)..<end]))
      guard bytes[end...].starts(with: Self.close), let index = numbers[name] else { return nil }
      flush(to: position)
      pieces.append(.variable(index))
      position = end + 2
      start = position
    }
    flush(to: bytes.count)
    self.source = source
    self.bytes = bytes
    self.pieces = pieces
  }

  /// Numbers of the variables that stand in it.
  public var variables: Set<Int> {
    Set(
      pieces.compactMap {
        if case .variable(let index) = $0 { index } else { nil }
      })
  }

  private static let open: [UInt8] = [0x7B, 0x7B]
  private static let close: [UInt8] = [0x7D, 0x7D]
}

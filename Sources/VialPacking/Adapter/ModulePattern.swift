// Owns: Python's regular expressions in the settings of adapters and quantised checkpoints, matched
// against module names.
// Must not: be used on long texts, or take hours for a hostile expression, which ends with an
// error.

import Foundation

/// An expression that has to match the whole name, or its beginning.
struct ModulePattern {
  /// Longest expression, in bytes.
  static let maximumByteCount = 4096
  /// How long the matches of one adapter's settings may take together.
  struct MatchBudget {
    /// How often the engine may still report that it is busy. It does so every 10,000 steps, and an
    /// honest expression needs some hundreds of them for a name.
    fileprivate var reportCount = 400
    /// Matches of expressions that are more than a name, since the last that was charged.
    fileprivate var uncharged = 0

    /// Charges for a match that may end before the engine's first report: sixteen of them cost
    /// what one report costs, so that many expressions for many modules count, too.
    fileprivate mutating func charge() {
      uncharged += 1
      guard uncharged == 16 else { return }
      (uncharged, reportCount) = (0, reportCount - 1)
    }
  }

  private let expression: NSRegularExpression
  private let source: String
  private let key: String
  /// Whether it is little more than a name, which costs next to nothing.
  private let isName: Bool

  /// - Parameters:
  ///   - key: the setting that it stands in, for messages.
  ///   - isWhole: whether it has to match the whole name.
  ///   - isName: whether the expression is a module's name, perhaps behind others.
  init(
    _ source: String, key: String, isWhole: Bool = true, isName: Bool = false
  ) throws(PackingError) {
    self.source = source
    self.key = key
    self.isName = isName
    guard source.utf8.count <= Self.maximumByteCount,
      let expression = try? NSRegularExpression(
        pattern: "\\A(?:\(source))" + (isWhole ? "\\z" : ""))
    else {
      throw PackingError(
        "\(key): the regular expression \(PackingError.printable(source)) cannot be read")
    }
    self.expression = expression
  }

  /// Whether a text is letters, digits, underscores and dots, as names of modules are.
  static func isName(_ text: String) -> Bool {
    text.utf8.allSatisfy {
      $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ".") || (0x30...0x39).contains($0)
        || (0x61...0x7A).contains($0 | 0x20)
    }
  }

  /// Whether it matches.
  /// - Throws: when `budget` is at its end, in the midst of this match.
  func matches(_ name: String, _ budget: inout MatchBudget) throws(PackingError) -> Bool {
    if !isName { budget.charge() }
    var left = budget.reportCount
    var isMatch = false
    let range = NSRange(location: 0, length: name.utf16.count)
    expression.enumerateMatches(in: name, options: [.reportProgress], range: range) {
      match, flags, stop in
      if match != nil {
        isMatch = true
        stop.pointee = true
        return
      }
      left -= 1
      if left < 0 { stop.pointee = true }
    }
    budget.reportCount = max(0, left)
    guard left >= 0 else {
      throw PackingError(
        "\(key): the regular expression \(PackingError.printable(source)) takes too long")
    }
    return isMatch
  }
}

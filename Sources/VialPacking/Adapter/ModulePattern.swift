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
    fileprivate var reportCount = 200
  }

  private let expression: NSRegularExpression
  private let source: String
  private let key: String

  /// - Parameters:
  ///   - key: the setting that it stands in, for messages.
  ///   - isWhole: whether it has to match the whole name.
  init(_ source: String, key: String, isWhole: Bool = true) throws(PackingError) {
    self.source = source
    self.key = key
    guard source.utf8.count <= Self.maximumByteCount,
      let expression = try? NSRegularExpression(
        pattern: "\\A(?:\(source))" + (isWhole ? "\\z" : ""))
    else {
      throw PackingError(
        "\(key): the regular expression \(PackingError.printable(source)) cannot be read")
    }
    self.expression = expression
  }

  /// Whether it matches.
  /// - Throws: when `budget` is at its end, in the midst of this match.
  func matches(_ name: String, _ budget: inout MatchBudget) throws(PackingError) -> Bool {
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

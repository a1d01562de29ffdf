// Python's regular expressions in an adapter's settings, matched against module names.
// Owns: that a hostile expression ends with an error instead of taking hours. Must not: be used on long texts.

import Foundation

/// An expression that has to match the whole name.
struct ModulePattern {
  /// Longest expression, in bytes.
  static let maximumByteCount = 4096
  /// How often the engine may report that it is still busy, before a match is given up.
  private static let patience = 10_000

  private let expression: NSRegularExpression
  private let source: String
  private let key: String

  /// - Parameter key: the setting that it stands in, for messages.
  init(_ source: String, key: String) throws(PackingError) {
    self.source = source
    self.key = key
    guard source.utf8.count <= Self.maximumByteCount,
      let expression = try? NSRegularExpression(pattern: "\\A(?:\(source))\\z")
    else {
      throw PackingError(
        "\(key): the regular expression \(PackingError.printable(source)) cannot be read")
    }
    self.expression = expression
  }

  /// Whether it matches.
  func matches(_ name: String) throws(PackingError) -> Bool {
    var reports = 0
    var isMatch = false
    let range = NSRange(location: 0, length: name.utf16.count)
    expression.enumerateMatches(in: name, options: [.reportProgress], range: range) {
      match, flags, stop in
      if match != nil {
        isMatch = true
        stop.pointee = true
        return
      }
      reports += 1
      if reports > Self.patience { stop.pointee = true }
    }
    guard reports <= Self.patience else {
      throw PackingError(
        "\(key): the regular expression \(PackingError.printable(source)) takes too long")
    }
    return isMatch
  }
}

// Owns: the ranges of the command's own options, from which help and check are made.
// Must not: repeat a range of the library; what the library limits it names itself.

import ArgumentParser

/// The values that an option takes.
struct OptionRange {
  let name: String
  let range: ClosedRange<Int>

  static let threads = OptionRange(name: "--threads", range: 1...1024)
  /// Answers of one `vial run`.
  static let samples = OptionRange(name: "--samples", range: 1...64)
  /// Requests of a batch at once.
  static let parallel = OptionRange(name: "--parallel", range: 1...1024)
  /// Sequences of `vial bench`: tokens that the runner computes in one step at most.
  static let benchBatch = OptionRange(name: "--batch", range: 1...256)

  /// `1 to 64`, for help.
  var text: String { "\(range.lowerBound) to \(range.upperBound)" }

  /// Refuses a value outside; none is none.
  func check(_ value: Int?) throws {
    guard let value, !range.contains(value) else { return }
    throw ValidationError("\(name) must be from \(text)")
  }
}

// Owns: what a pack says to whoever started it: what it reads otherwise than the source says, or
// than transformers reads it, and what it leaves out.
// Must not: print, or drop a name uncounted: a list of names is cut, and still counted.

/// One line each.
struct PackNotices: Sendable, Equatable {
  /// What is read in another way than it is written, or than transformers reads it, and what is
  /// worth knowing.
  private(set) var differences: [String] = []
  /// What is not carried over, by name.
  private(set) var omissions: [String] = []
  /// Omissions that are counted, but have no line of their own.
  private var unnamedCount = 0

  /// All lines.
  var lines: [String] { differences + omissions }
  /// Things that are left out.
  var omissionCount: Int { omissions.count + unnamedCount }

  /// Says how something is read.
  mutating func differs(_ line: String) { differences.append(line) }

  /// Says what is left out.
  /// - Parameter count: how many things the line is about.
  mutating func omits(_ line: String, count: Int = 1) {
    omissions.append(line)
    unnamedCount += count - 1
  }

  /// Says of many things what is left out: the first ten by name, the others by their number.
  mutating func omits(_ names: [String], _ line: (String) -> String, kind: String) {
    let shown = names.count > 11 ? 10 : names.count
    for name in names.prefix(shown) { omits(line(name)) }
    guard names.count > shown else { return }
    omits("\(names.count - shown) more \(kind) of that kind; left out")
    unnamedCount += names.count - shown - 1
  }

  /// The same, fit for a terminal whatever stands in the names.
  var printable: PackNotices {
    var copy = self
    copy.differences = differences.map(PackingError.printable)
    copy.omissions = omissions.map(PackingError.printable)
    return copy
  }

  /// The same, said of an adapter.
  func named(_ adapter: String) -> PackNotices {
    var copy = self
    let prefix = "adapter \(PackingError.printable(adapter)): "
    copy.differences = differences.map { prefix + $0 }
    copy.omissions = omissions.map { prefix + $0 }
    return copy
  }

  static func += (notices: inout PackNotices, more: PackNotices) {
    notices.differences += more.differences
    notices.omissions += more.omissions
    notices.unnamedCount += more.unnamedCount
  }

  static func + (first: PackNotices, second: PackNotices) -> PackNotices {
    var sum = first
    sum += second
    return sum
  }
}

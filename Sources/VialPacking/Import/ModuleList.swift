// Owns: lists of modules in quantisation settings (names, classes, and patterns behind `re:`), and
// how an entry matches a module's name.
// Must not: know what the list is for, or take long: the patterns come from a stranger, and all
// matches of a list together may take only so long.
// Source: compressed-tensors 0.20, `utils/match.py` (`is_match`); AutoAWQ,
// `modules_to_not_convert`.

import Synchronization

/// A list of modules.
struct ModuleList: Sendable {
  /// What is left for all matches.
  private final class Budget: Sendable {
    let budget = Mutex(ModulePattern.MatchBudget())
  }

  /// The class that all layers which may be quantised have.
  private static let linearClass = "Linear"
  private static let patternPrefix = "re:"

  private var entries: [String] = []
  /// The setting that it stands in, for messages.
  private var key = ""
  private let budget = Budget()

  /// An empty list.
  init() {}

  /// The entries of the setting `key`.
  init(_ entries: [String], key: String) {
    self.entries = entries
    self.key = key
  }

  /// Whether an entry is the module's name, its class, or a pattern that its name begins with.
  /// - Throws: when a pattern cannot be read, or takes too long.
  func matches(_ module: String) throws(PackingError) -> Bool {
    var remaining = budget.budget.withLock { $0 }
    defer { budget.budget.withLock { $0 = remaining } }
    for entry in entries {
      guard entry.hasPrefix(Self.patternPrefix) else {
        if entry == module || entry == Self.linearClass { return true }
        continue
      }
      let source = String(entry.dropFirst(Self.patternPrefix.count))
      // Python's `re.match`: the pattern may end before the name does.
      let pattern = try ModulePattern(source, key: key, isWhole: false)
      if try pattern.matches(module, &remaining) { return true }
    }
    return false
  }

  /// Whether an entry is a part of the module's name.
  func containsPart(of module: String) -> Bool { entries.contains { module.contains($0) } }
}

// Owns: what verifying found: all problems, each counted for its section.
// Must not: decide what a problem is.
// Source: Spec/FORMAT.md, "Verifying".

/// The result of verifying a file or some of its sections.
public struct VerificationReport: Sendable {
  /// One section that was checked.
  package struct SectionOutcome: Sendable {
    /// Which one.
    package let section: SectionDescriptor
    /// How many problems it has.
    package fileprivate(set) var problemCount = 0
    /// Whether it has none.
    package var isIntact: Bool { problemCount == 0 }
  }

  /// All problems, in the order in which they were looked for. Empty means that all that was
  /// checked is intact.
  public private(set) var problems: [FormatError] = []
  /// The sections that were checked, in file order.
  package private(set) var sections: [SectionOutcome]

  init(_ sections: [SectionDescriptor]) {
    self.sections = sections.map { SectionOutcome(section: $0) }
  }

  /// Whether a section is among those that were checked.
  package func covers(_ section: SectionDescriptor) -> Bool { index(of: section) != nil }

  /// Sections do not overlap, so their offsets ascend. O(log n): a hostile file has many sections
  /// and many problems.
  private func index(of section: SectionDescriptor) -> Int? {
    var (low, high) = (0, sections.count)
    while low < high {
      let middle = (low + high) / 2
      if sections[middle].section.offset < section.offset {
        low = middle + 1
      } else {
        high = middle
      }
    }
    return low < sections.count && sections[low].section.offset == section.offset ? low : nil
  }

  /// Adds a problem; `section` is nil for one between sections or outside all of them.
  package mutating func add(_ problem: FormatError, in section: SectionDescriptor? = nil) {
    problems.append(problem)
    if let section, let index = index(of: section) { sections[index].problemCount += 1 }
  }
}

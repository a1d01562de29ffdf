// Owns: the spelling of sections on the command line: `weights`, `text:4`.
// Must not: open files.

import ArgumentParser
import VialFormat

/// `KIND[:ID]`: the sections of a kind, or one of them.
struct SectionArgument: ExpressibleByArgument {
  let kind: SectionKind
  let id: UInt64?

  /// Kinds that can be named, as `dump` names them, with hyphens for spaces.
  private static let kinds = (1...11).map { SectionKind(rawValue: $0) }

  private static func spelling(_ kind: SectionKind) -> String {
    kind.name.split(separator: " ").joined(separator: "-")
  }

  init?(argument: String) {
    let parts = argument.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard let kind = Self.kinds.first(where: { Self.spelling($0) == parts[0] }) else { return nil }
    self.kind = kind
    guard parts.count > 1 else {
      id = nil
      return
    }
    guard let number = UInt64(parts[1]), parts[1].utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 })
    else { return nil }
    id = number
  }

  static var allValueStrings: [String] { kinds.map(spelling) }

  /// The sections of a file that this names.
  func sections(of file: VialFile) throws -> [SectionDescriptor] {
    let found = file.sections.filter { $0.kind == kind && (id == nil || $0.id == id) }
    guard !found.isEmpty else {
      throw CommandFailure(
        "the file has no section \(Self.spelling(kind))\(id.map { ":\($0)" } ?? "")")
    }
    return found
  }
}

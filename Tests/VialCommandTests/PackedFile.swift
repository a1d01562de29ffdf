// Owns: the packed file that most tests of the command read. Must not: be changed by them.

import Foundation
import TestSupport

/// A fixture checkpoint packed by the command itself, whose bytes tests compare; once for all.
enum PackedFile {
  private static let folder = TemporaryFolder()

  static let path: String = {
    let output = folder.path("tiny.vial")
    let source = Files.fixture("checkpoints/qwen2-tiny-untied").path
    _ = try? CommandRun("pack", source, "-o", output, "--notice", "for tests only")
    return output
  }()

  static func bytes() throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: path)))
  }
}

// Owns: where tests write: folders of their own, all in one of the process.
// Must not: outlive the process. What static values hold is removed when it exits.

package import Foundation

/// A folder of a test's own, removed with the value and everything in it.
package final class TemporaryFolder: Sendable {
  /// Where those of this process lie.
  private static let process: URL = {
    let url = FileManager.default.temporaryDirectory
      .appendingPathComponent("vial-tests-\(UUID().uuidString)")
    try? FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    atexit { try? FileManager.default.removeItem(at: TemporaryFolder.process) }
    return url
  }()

  /// The folder.
  package let url: URL
  /// The same, as a path.
  package var path: String { url.path }

  /// A new, empty folder. Where there can be none, the first write into it fails.
  package init() {
    url = Self.process.appendingPathComponent(UUID().uuidString)
    try? FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  /// A file in it.
  package func url(_ name: String) -> URL { url.appendingPathComponent(name) }

  /// The same, as a path.
  package func path(_ name: String) -> String { url(name).path }

  /// Writes a file and returns its path.
  @discardableResult
  package func write(_ name: String, _ bytes: [UInt8]) throws -> String {
    try Data(bytes).write(to: url(name))
    return path(name)
  }

  /// The bytes of a file.
  package func read(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: url(name))) }

  /// Names in the folder, sorted.
  package var contents: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
  }
}

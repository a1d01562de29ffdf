// Owns: where the files lie that tests read. Must not: write.

package import Foundation

/// Files of the project, and of the data folder beside it.
package enum Files {
  /// The package's root folder.
  package static let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// The committed fixtures.
  package static let fixtures = root.appending(path: "Tests/Fixtures")

  /// The committed checkpoints.
  package static let checkpoints = fixtures.appending(path: "checkpoints")

  /// The demonstration model, whose chat template is DeepSeek-R1's.
  package static let demo =
    root.appending(path: "Sources/VialCommand/Resources/demo.vial").path

  /// The data folder: `VIAL_DATA`, or `../shared/data`; nil where it is absent.
  package static let data: URL? = {
    let named = ProcessInfo.processInfo.environment["VIAL_DATA"].map { URL(filePath: $0) }
    let folder = named ?? root.appending(path: "../shared/data")
    return FileManager.default.fileExists(atPath: folder.path) ? folder : nil
  }()

  /// A committed fixture.
  package static func fixture(_ path: String) -> URL { fixtures.appending(path: path) }

  /// The bytes of a file, unpacked when its name ends in `.xz`.
  package static func read(_ url: URL) throws -> [UInt8] {
    guard url.pathExtension == "xz" else { return Array(try Data(contentsOf: url)) }
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["xz", "-dc", url.path]
    process.standardOutput = pipe
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Array(data)
  }
}

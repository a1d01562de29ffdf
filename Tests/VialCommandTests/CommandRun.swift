// Runs the built `vial` as users do and keeps what it said.

import Foundation

/// One finished run of the command.
struct CommandRun {
  let status: Int32
  let output: String
  let message: String

  /// The `vial` that was built with this test.
  static let executable: URL = {
    let test = URL(fileURLWithPath: ProcessInfo.processInfo.arguments[0]).resolvingSymlinksInPath()
    return test.deletingLastPathComponent().appendingPathComponent("vial")
  }()

  static let fixtures = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Fixtures")

  /// Runs `vial` with `arguments`.
  init(_ arguments: String...) throws { try self.init(arguments: arguments) }

  /// Runs `vial`, or another program, with `arguments`; sends it `signal` once `interruptWhen` is true, if
  /// it is given.
  ///
  /// - Parameter shell: a script to run instead, in which "$@" is `vial` with its arguments.
  init(
    program: String? = nil, arguments: [String], shell: String? = nil,
    environment: [String: String] = [:], interruptWhen: (() -> Bool)? = nil,
    signal: Int32 = SIGINT
  ) throws {
    let process = Process()
    let own = program.map { URL(fileURLWithPath: $0) } ?? Self.executable
    process.executableURL = shell == nil ? own : URL(fileURLWithPath: "/bin/sh")
    process.arguments = shell.map { ["-c", $0, "sh", own.path] + arguments } ?? arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    let (out, err) = (TemporaryFolder(), TemporaryFolder())
    let (outURL, errURL) = (out.url("out"), err.url("err"))
    _ = FileManager.default.createFile(atPath: outURL.path, contents: nil)
    _ = FileManager.default.createFile(atPath: errURL.path, contents: nil)
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try FileHandle(forWritingTo: outURL)
    process.standardError = try FileHandle(forWritingTo: errURL)
    try process.run()
    if let interruptWhen {
      while process.isRunning, !interruptWhen() { Thread.sleep(forTimeInterval: 0.001) }
      kill(process.processIdentifier, signal)
    }
    process.waitUntilExit()
    status = process.terminationReason == .exit ? process.terminationStatus : -1
    output = String(decoding: try Data(contentsOf: outURL), as: UTF8.self)
    message = String(decoding: try Data(contentsOf: errURL), as: UTF8.self)
  }

  /// Standard output as one JSON object.
  func json() throws -> [String: Any] {
    let object = try JSONSerialization.jsonObject(with: Data(output.utf8))
    return object as? [String: Any] ?? [:]
  }

  /// Lines on standard error.
  var messageLines: [Substring] { message.split(separator: "\n") }
}

/// A folder of the test's own, removed with the value.
final class TemporaryFolder: Sendable {
  let folder: URL

  init() {
    folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("vial-cli-\(UUID().uuidString)")
    try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  func url(_ name: String) -> URL { folder.appendingPathComponent(name) }

  func path(_ name: String) -> String { url(name).path }

  /// Writes a file and returns its path.
  func write(_ name: String, _ bytes: [UInt8]) throws -> String {
    try Data(bytes).write(to: url(name))
    return path(name)
  }

  var contents: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).sorted()
  }
}

/// A fixture checkpoint packed by the command, once for all tests.
enum PackedFile {
  private static let folder = TemporaryFolder()

  static let path: String = {
    let output = folder.path("tiny.vial")
    let source = CommandRun.fixtures.appendingPathComponent("checkpoints/qwen2-tiny-untied").path
    _ = try? CommandRun("pack", source, "-o", output, "--notice", "for tests only")
    return output
  }()

  static func bytes() throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: path)))
  }
}

// Runs the built `vial` as users do and keeps what it said.

import Foundation
import TestSupport

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

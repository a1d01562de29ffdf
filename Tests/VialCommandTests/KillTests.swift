// Real processes that are killed, or run out of disk, at every system call that changes a file, and at random
// moments: the file is the old one or the new one.

import Foundation
import TestSupport
import Testing

#if os(Linux)
  @Suite struct KillTests {
    private let folder = TemporaryFolder()
    private let original: [UInt8]
    private let key: String
    private let digits: String

    init() throws {
      original = try PackedFile.bytes()
      key = folder.path("key")
      digits = try CommandRun("keygen", key).output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private func bytes(_ path: String) throws -> [UInt8] {
      Array(try Data(contentsOf: URL(fileURLWithPath: path)))
    }

    /// The library that makes system calls fail.
    private func faults() throws -> String { try Self.faults(folder) }

    static func faults(_ folder: TemporaryFolder) throws -> String {
      let library = folder.path("faults.so")
      let compiler = Process()
      compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      compiler.arguments = [
        "gcc", "-shared", "-fPIC", "-O1", "-o", library,
        Files.fixtures.appendingPathComponent("faults/faults.c").path, "-ldl",
      ]
      try compiler.run()
      compiler.waitUntilExit()
      try #require(compiler.terminationStatus == 0, "gcc is missing")
      return library
    }

    /// Checks that the file is the original or the original signed, whole but for what an append leaves.
    /// - Returns: whether it is signed.
    private func isSigned(_ path: String, _ place: String) throws -> Bool {
      let run = try CommandRun("verify", path, "--json")
      let json = try run.json()
      let problems = try #require(json["problems"] as? [[String: Any]])
      let rules = Set(problems.compactMap { $0["rule"] as? String })
      #expect(rules.isSubset(of: ["R-117", "R-111"]), "\(place): \(rules)")
      let signatures = try #require(json["signatures"] as? [[String: Any]])
      #expect(signatures.allSatisfy { $0["state"] as? String == "valid" }, "\(place)")
      if !signatures.isEmpty { #expect(rules.isEmpty, "\(place)") }
      return !signatures.isEmpty
    }

    @Test func killedAtEverySystemCall() throws {
      let library = try faults()
      let path = folder.path("a.vial")
      var killed = 0
      var states: Set<Bool> = []
      // Also from a file that an earlier kill left with a tail and a torn slot.
      var torn = original + [UInt8](repeating: 5, count: 3000)
      torn[8192 + 50] = 1
      for (start, before) in [original, torn].enumerated() {
        for call in 1...20 {
          for count in [0, 1, 100, 4095, 1 << 20] {
            try Data(before).write(to: URL(fileURLWithPath: path))
            let run = try CommandRun(
              arguments: ["sign", path, "--key", key],
              environment: [
                "LD_PRELOAD": library, "FAULT_KIND": "kill", "FAULT_AT": "\(call)",
                "FAULT_BYTES": "\(count)",
              ])
            guard run.status == -1 else { continue }
            killed += 1
            let isSigned = try isSigned(path, "start \(start), call \(call), byte \(count)")
            states.insert(isSigned)
            // Whatever was left, signing again works.
            #expect(try CommandRun("sign", path, "--key", key).status == 0)
            #expect(try CommandRun("verify", path, "--key", digits).status == 0)
          }
        }
      }
      #expect(killed >= 5 * (5 + 8))
      #expect(states == [true, false])
    }

    @Test func aFullDiskLeavesTheFileAsItWas() throws {
      let library = try faults()
      let path = folder.path("b.vial")
      var failed = 0
      for call in 1...20 {
        for count in [0, 100] {
          try Data(original).write(to: URL(fileURLWithPath: path))
          let run = try CommandRun(
            arguments: ["sign", path, "--key", key],
            environment: [
              "LD_PRELOAD": library, "FAULT_KIND": "full", "FAULT_AT": "\(call)",
              "FAULT_BYTES": "\(count)",
            ])
          if run.status == 0 { continue }
          failed += 1
          #expect(run.status == 1)
          #expect(run.messageLines.count == 1, "\(run.message)")
          #expect(run.message.contains("No space left"))
          if call <= 3 { #expect(try bytes(path) == original, "call \(call)") }
          #expect(try isSigned(path, "call \(call)") == (call == 5))
        }
      }
      #expect(failed == 2 * 5)
    }

    /// The system's own limit on a file's length, without any preloading.
    @Test func aLimitOnTheLengthLeavesTheFileAsItWas() throws {
      let path = try folder.write("c.vial", original)
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/bin/bash")
      process.arguments = [
        "-c", "trap '' XFSZ; ulimit -f \(original.count / 1024 + 1); exec \"$@\" 2>\"$0\"",
        folder.path("said"), CommandRun.executable.path, "sign", path, "--key", key,
      ]
      try process.run()
      process.waitUntilExit()
      #expect(process.terminationStatus == 1)
      #expect(
        String(decoding: try bytes(folder.path("said")), as: UTF8.self).contains("File too large"))
      #expect(try bytes(path) == original)
    }

    @Test func killedAtAnyMoment() throws {
      let path = folder.path("d.vial")
      var numbers = SystemRandomNumberGenerator()
      for round in 0..<120 {
        try Data(original).write(to: URL(fileURLWithPath: path))
        let process = Process()
        process.executableURL = CommandRun.executable
        process.arguments = ["sign", path, "--key", key]
        process.standardError = FileHandle.nullDevice
        try process.run()
        Thread.sleep(forTimeInterval: Double.random(in: 0...0.03, using: &numbers))
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        _ = try isSigned(path, "round \(round)")
      }
    }
  }
#endif

// bench as its users see it: keys, how lists multiply, refusals. How fast it is decides nothing here.

import Foundation
import TestSupport
import Testing

@Suite struct BenchTests {
  private func tests(_ arguments: String...) throws -> [[String: Any]] {
    let run = try CommandRun(arguments: ["bench", PackedFile.path, "--json"] + arguments)
    #expect(run.status == 0, "\(run.message)")
    let value = try JSONSerialization.jsonObject(with: Data(run.output.utf8))
    return try #require(value as? [[String: Any]])
  }

  @Test func everyTestHasTheKeysThatWerePromised() throws {
    let tests = try tests("--prompt", "70", "--generate", "5", "--threads", "1", "--kv", "int8")
    #expect(tests.map { $0["test"] as? String } == ["prefill", "decode"])
    for (test, sizes) in zip(tests, [(70, 0), (0, 5)]) {
      #expect(test["prompt"] as? Int == sizes.0)
      #expect(test["generate"] as? Int == sizes.1)
      #expect(test["batch"] as? Int == 1)
      #expect(test["depth"] as? Int == 0)
      #expect(test["threads"] as? Int == 1)
      #expect((test["isa"] as? String)?.isEmpty == false)
      #expect(test["kv"] as? String == "int8")
      #expect(try #require(test["kv_bytes"] as? Int) > 0)
      for key in [
        "tokens_per_second", "seconds", "bytes_per_second", "operations_per_second",
        "read_bandwidth", "int8_peak", "share_of_limit",
      ] { #expect(try #require(test[key] as? Double, "\(key)") > 0, "\(key)") }
      let share = try #require(test["share_of_limit"] as? Double)
      #expect(share <= 1.5)
      let (rate, limit) =
        sizes.0 > 0
        ? ("operations_per_second", "int8_peak") : ("bytes_per_second", "read_bandwidth")
      let (reached, most) = (test[rate] as? Double ?? 0, test[limit] as? Double ?? 1)
      #expect(abs(share - reached / most) < 1e-9)
      let (tokens, seconds) = (Double(sizes.0 + sizes.1), test["seconds"] as? Double ?? 0)
      #expect(abs(tokens / seconds / (test["tokens_per_second"] as? Double ?? 0) - 1) < 1e-9)
    }
  }

  @Test func listsMultiply() throws {
    let tests = try tests(
      "--prompt", "3,9", "--generate", "2", "--batch", "1,3", "--depth", "0,65", "--threads", "2,1",
      "--isa", "reference")
    let lines = tests.map { test in
      ["threads", "batch", "prompt", "depth", "generate"].map { test[$0] as? Int ?? -1 }
    }
    var expected: [[Int]] = []
    for threads in [2, 1] {
      for batch in [1, 3] {
        expected += [[threads, batch, 3, 0, 0], [threads, batch, 9, 0, 0]]
        expected += [[threads, batch, 0, 0, 2], [threads, batch, 0, 65, 2]]
      }
    }
    #expect(lines == expected)
    #expect(tests.allSatisfy { $0["isa"] as? String == "reference" })
  }

  /// The least work can be counted by hand: `bytes_per_second × seconds` and the same for operations.
  @Test func workIsCountedAsTheLimitsSay() throws {
    let tests = try tests(
      "--prompt", "2", "--generate", "4", "--batch", "2", "--depth", "10", "--kv", "f32")
    let tensors = try CommandRun("dump", PackedFile.path, "--json", "--tensors").json()
    let (bytes, weights, positionBytes) = try model(tensors)
    // Two sequences, steps that end at positions 11, 12, 13 and 14.
    let decoded = 4 * bytes + 2 * (11 + 12 + 13 + 14) * positionBytes
    try expect(tests[1], "bytes_per_second", decoded)
    // The head, and what is behind the last layer's attention, are needed once for each sequence.
    try expect(tests[0], "operations_per_second", 2 * (weights.layers * 4 + weights.head * 2))
    try expect(tests[0], "bytes_per_second", bytes + 2 * 2 * positionBytes)
  }

  private func expect(_ test: [String: Any], _ key: String, _ amount: Int) throws {
    let (rate, seconds) = (test[key] as? Double ?? 0, test["seconds"] as? Double ?? 0)
    #expect(abs(rate * seconds / Double(amount) - 1) < 1e-9, "\(rate * seconds) \(amount)")
  }

  /// Bytes that a step reads, weights of matrices, and bytes of a position in an f32 cache.
  private func model(
    _ dump: [String: Any]
  ) throws -> (bytes: Int, weights: (layers: Int, head: Int), positionBytes: Int) {
    var (bytes, layers, head, positionBytes) = (0, 0, 0, 0)
    let tensors = try #require(dump["tensors"] as? [[String: Any]])
    let names = try tensors.map { try #require($0["name"] as? String) }
    let last = names.compactMap { $0.split(separator: ".").compactMap { Int($0) }.first }.max()
    for (name, tensor) in zip(names, tensors) {
      let shape = try #require(tensor["shape"] as? [Int])
      if name.contains("embed") || name.contains("rotary") { continue }
      bytes += try #require(tensor["byte_count"] as? Int)
      guard shape.count == 2 else { continue }
      let attends = ["q_proj", "k_proj", "v_proj"].contains { name.contains($0) }
      if name.contains("lm_head") || name.contains(".\(last ?? 0).") && !attends {
        head += shape[0] * shape[1]
      } else {
        layers += shape[0] * shape[1]
      }
      // Keys and values of a position are what their projections put out.
      if name.contains("k_proj") { positionBytes += 2 * 4 * shape[0] }
    }
    return (bytes, (layers, head), positionBytes)
  }

  @Test func peopleGetATable() throws {
    let run = try CommandRun(
      "bench", PackedFile.path, "--prompt", "0", "--generate", "3", "--batch", "2")
    #expect(run.status == 0)
    let lines = run.output.split(separator: "\n")
    #expect(lines.count == 3)
    #expect(lines[0].contains("KV cache f16"))
    #expect(lines[1].contains("tokens/s") && lines[1].contains("share"))
    #expect(lines[2].contains("decode") && lines[2].contains("GB/s") && lines[2].hasSuffix("%"))
    // Progress, when the machine is so busy that there is something to say.
    #expect(run.messageLines.allSatisfy { $0.hasPrefix("measuring ") })
  }

  @Test func badUsageExitsWithTwo() throws {
    for arguments in [
      ["--prompt", ""], ["--prompt", "1,"], ["--prompt", "-1"], ["--prompt", "x"],
      ["--prompt", "0", "--generate", "0"], ["--batch", "0"], ["--batch", "257"],
      ["--threads", "0"], ["--threads", "2,1025"], ["--kv", "f64"], ["--isa", "z80"],
      ["--generate", "99999999999999999999"], ["--depth", "20000000"],
      // The context has 4096 positions.
      ["--prompt", "4097"], ["--depth", "4090", "--generate", "7"],
    ] {
      let run = try CommandRun(arguments: ["bench", PackedFile.path] + arguments)
      #expect(run.status == 2, "\(arguments)")
      #expect(run.output.isEmpty)
      #expect(!run.message.isEmpty)
    }
    #expect(try CommandRun("bench").status == 2)
    #expect(try CommandRun("bench", TemporaryFolder().path("missing.vial")).status == 1)
  }

  @Test func interruptingEndsIt() throws {
    let start = Date()
    let run = try CommandRun(
      arguments: [
        "bench", PackedFile.path, "--prompt", "4096", "--batch", "256", "--isa", "reference",
      ], interruptWhen: { Date().timeIntervalSince(start) > 3 })
    #expect(run.status == 130)
    #expect(run.output.isEmpty)
  }
}

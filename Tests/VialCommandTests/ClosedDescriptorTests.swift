// Commands whose standard input, output or error the caller has closed.

import Foundation
import TestSupport
import Testing

@Suite struct ClosedDescriptorTests {
  private let folder = TemporaryFolder()

  /// Files that are opened later must not get the numbers of standard input, output and error.
  @Test(arguments: ["<&-", ">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
  func closedDescriptorsAreNoFiles(_ closed: String) throws {
    let checkpoint = Files.fixtures
      .appendingPathComponent("checkpoints/qwen2-tiny-untied").path
    let file = try folder.write("a.vial", try PackedFile.bytes())
    let input = try folder.write(
      "in.jsonl",
      Array((0..<9).map { "{\"prompt\": \"fever \($0)\", \"max_tokens\": 9}\n" }.joined().utf8))
    let out = folder.path("out.jsonl")
    let key = folder.path("key")
    let packed = folder.path("packed.vial")
    for arguments in [
      ["keygen", key], ["sign", file, "--key", key], ["compact", file],
      ["pack", checkpoint, "-o", packed],
      ["batch", file, "--in", input, "--out", out],
    ] {
      let run = try CommandRun(arguments: arguments, shell: "exec \"$@\" \(closed)")
      #expect(run.status == 0, "\(arguments)")
    }
    for path in [file, packed] { #expect(try CommandRun("verify", path).status == 0) }
    #expect(try CommandRun("verify", file, "--key", key + ".pub").status == 0)
    let lines = try Data(contentsOf: URL(fileURLWithPath: out)).split(separator: 0x0A)
    #expect(lines.count == 9)
    for line in lines { #expect(try JSONSerialization.jsonObject(with: line) is [String: Any]) }
  }
}

// Speed of opening and encoding, printed: `VIAL_BENCHMARK=1 swift test -c release --filter Benchmarks`.
// Asserts only that nothing is absurdly slow; figures are for people.

import Foundation
import TestSupport
import Testing
import VialFormat
import VialPacking
import VialText

@Suite(
  .serialized, .enabled(if: ProcessInfo.processInfo.environment["VIAL_BENCHMARK"] != nil),
  .enabled(if: Files.data != nil))
struct TokenizerBenchmarks {
  private func prose() throws -> [UInt8] {
    let data = try #require(Files.data)
    let text = try Files.read(data.appending(path: "weights/demo-8m/general.heldout.txt"))
    var result: [UInt8] = []
    while result.count < 4_000_000 { result += text }
    return result
  }

  @Test(arguments: [
    "tokenizers/qwen2", "tokenizers/llama-3", "weights/demo-8m", "weights/stories260K/hf",
  ])
  func encode(_ path: String) throws {
    let folder = try #require(Files.data).appending(path: path)
    let clock = ContinuousClock()
    var built: TestTokenizer?
    let building = try clock.measure { built = try TestTokenizer(folder: folder) }
    let tokenizer = try #require(built)
    let region = ByteRegion(copying: tokenizer.tables.section)
    let opening = try clock.measure { for _ in 0..<1000 { _ = try Tokenizer(region) } }
    print("\(path): packed in \(building), \(region.byteCount) bytes, opened in \(opening / 1000)")
    let repeated = Array(String(repeating: "a", count: 1_000_000).utf8)
    for (name, text) in [("prose", try prose()), ("one word", repeated)] {
      var workspace = TokenizerWorkspace()
      var ids = [UInt32](repeating: 0, count: text.count + 32)
      var count = 0
      let time = try clock.measure {
        var output = ids.mutableSpan
        count = try tokenizer.tokenizer.encode(text.span, workspace: &workspace, into: &output)
      }
      let seconds = time / .seconds(1)
      print("  \(name): \(Double(text.count) / seconds / 1e6) MB/s, \(count) tokens")
      #expect(seconds < 60)
    }
  }
}

// The annotated example in Spec/FORMAT.md is the file that the writer makes.
import Foundation
import Testing
import VialFormat

@Suite struct SpecExampleTests {
  @Test func everyLineOfTheExampleIsTrue() throws {
    let file = try SpecExample.make()
    #expect(SampleFile.rules(file) == [])
    let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Spec/FORMAT.md")
    let text = try String(contentsOf: page, encoding: .utf8)
    #expect(text.contains(SHA256.hash(file.rawSpan).description))
    var lineCount = 0
    for line in text.split(separator: "\n") {
      guard let match = line.wholeMatch(of: /([0-9a-f]{8})  ((?:[0-9a-f]{2} ?)+)(?: .*)?/) else {
        continue
      }
      let start = try #require(Int(match.1, radix: 16))
      let bytes = match.2.split(separator: " ").compactMap { UInt8($0, radix: 16) }
      #expect(Array(file[start..<start + bytes.count]) == bytes, "line \(line)")
      lineCount += 1
    }
    #expect(lineCount > 70)
  }
}

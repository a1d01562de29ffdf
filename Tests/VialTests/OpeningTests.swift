// Opening is mapping: no page of weights is touched, whatever the model's size.

import Foundation
import TestSupport
import Testing
import Vial
import VialFormat
import VialPacking

@Suite struct OpeningTests {
  #if os(Linux)
    @Test func openingTouchesNoWeights() throws {
      let fixture = try Fixture("llama3-tiny")
      let path = try Self.packWideModel(fixture)
      let model = try Model(path: path)
      let weights = try #require(model.file.sections.first { $0.kind == .weights })
      #expect(weights.storedByteCount > 40_000_000)
      let resident = try #require(Self.residentByteCount(mapping: path))
      // The tables, and what the kernel maps around a page that is touched.
      #expect(resident < 2_000_000)
      _ = try Engine(model: model, capacity: 16)
      #expect(try #require(Self.residentByteCount(mapping: path)) == resident)
    }

    /// The tiny checkpoint's settings with a wide feed-forward part, filled with random weights.
    private static func packWideModel(_ fixture: Fixture) throws -> String {
      try fixture.edit(
        "config.json", "\"intermediate_size\": 128", "\"intermediate_size\": 262144")
      var options = fixture.options()
      options.randomSeed = 1
      _ = try Packer.pack(options)
      return fixture.output
    }

    /// Bytes of the file's mappings that this process has touched, from /proc/self/smaps.
    private static func residentByteCount(mapping path: String) -> Int? {
      // Files in /proc say that they are empty: read until the end comes.
      guard let handle = FileHandle(forReadingAtPath: "/proc/self/smaps") else { return nil }
      let text = String(decoding: handle.readDataToEndOfFile(), as: UTF8.self)
      var total: Int?
      var isOurs = false
      for line in text.split(separator: "\n") {
        if line.contains("-"), line.contains(" r"), !line.contains("kB") {
          isOurs = line.hasSuffix(path)
        } else if isOurs, line.hasPrefix("Rss:") {
          let digits = line.filter(\.isNumber)
          total = (total ?? 0) + (Int(digits) ?? 0) * 1024
        }
      }
      return total
    }
  #endif
}

// Calibrated packs of the reference checkpoints: determinism, what is kept of an interrupted one, provenance, refusals.

import Foundation
import Synchronization
import TestSupport
import Testing
import VialFormat
import VialPacking
import VialSystem

@Suite struct CalibrationTests {
  /// Text of the project, as calibration text.
  static let text: [UInt8] = {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let data = try? Data(contentsOf: root.appendingPathComponent("Spec/FORMAT.md"))
    return Array(String(decoding: (data ?? Data()).prefix(16_000), as: UTF8.self).utf8)
  }()

  private func calibrated(
    _ fixture: Fixture, _ recipe: WeightRecipe = WeightRecipe(), text: [UInt8] = text,
    bits: Double? = nil
  ) throws -> PackOptions {
    let path = fixture.folder.deletingLastPathComponent().appendingPathComponent("text").path
    try Data(text).write(to: URL(fileURLWithPath: path))
    var options = fixture.options(recipe)
    options.calibration = CalibrationOptions(path: path)
    options.calibration?.bitsPerWeight = bits
    return options
  }

  private func bytes(_ fixture: Fixture) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: fixture.output)))
  }

  private func contents(_ fixture: Fixture) -> [String] {
    let folder = fixture.folder.deletingLastPathComponent().path
    return ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
  }

  @Test(arguments: ["qwen2-tiny-untied", "llama3-tiny"], QuantizationGrid.allCases)
  func threadsDoNotMatterAndNothingIsLeft(
    _ name: String, _ grid: QuantizationGrid
  ) throws {
    let fixture = try Fixture(name)
    let recipe = WeightRecipe(grid: grid)
    var options = try calibrated(fixture, recipe)
    var files: [[UInt8]] = []
    for threads in [1, 2, 3] {
      options.threadCount = threads
      let summary = try Packer.pack(options)
      #expect(summary.recipe.contains("method gptq"))
      files.append(try bytes(fixture))
      #expect(contents(fixture) == ["checkpoint", "out.vial", "text"])
    }
    #expect(files[0] == files[1] && files[1] == files[2])
    let rounded = try fixture.packedBytes(recipe)
    #expect(rounded != files[0] && rounded.count <= files[0].count)
  }

  @Test func provenanceNamesTextAndRecipe() throws {
    let fixture = try Fixture("qwen2-tiny-untied")
    _ = try Packer.pack(calibrated(fixture))
    let file = try FormatReader.open(ByteRegion(copying: bytes(fixture)))
    let provenance = try #require(try file.provenance())
    var hash = SHA256()
    hash.update(Self.text.span.bytes)
    guard case .bytes(let digest)? = provenance["calibration.digest"] else {
      Issue.record("no digest")
      return
    }
    #expect(digest == hash.finalize().bytes)
    guard case .text(let method)? = provenance["recipe.method"] else {
      Issue.record("no method")
      return
    }
    #expect(method == "gptq")
  }

  @Test(arguments: QuantizationGrid.allCases)
  func anInterruptedPackGoesOnAndGivesTheSameBytes(_ grid: QuantizationGrid) throws {
    let fixture = try Fixture("qwen2-tiny-untied")
    let options = try calibrated(fixture, WeightRecipe(grid: grid))
    _ = try Packer.pack(options)
    let expected = try bytes(fixture)
    try FileManager.default.removeItem(atPath: fixture.output)
    let folder = fixture.output + ".partial-layers"
    // Stops as soon as the first layer is kept.
    let stop = PackObserver(shouldStop: {
      FileManager.default.fileExists(atPath: folder + "/layer-0000")
    })
    #expect(throws: PackingError.self) { try Packer.pack(options, observer: stop) }
    #expect(contents(fixture) == ["checkpoint", "out.vial.partial-layers", "text"])
    let kept = try Data(contentsOf: URL(fileURLWithPath: folder + "/layer-0000"))
    // A layer that is there is not computed again: progress begins behind it, and its file is not written.
    let date = try FileManager.default.attributesOfItem(atPath: folder + "/layer-0000")
    let isSame = Atomic<Bool>(false)
    let time = date[.modificationDate] as? Date
    let look = PackObserver(progress: { _ in
      let now = try? FileManager.default.attributesOfItem(atPath: folder + "/layer-0000")
      if let now, FileManager.default.fileExists(atPath: folder + "/layer-0001") {
        isSame.store(now[.modificationDate] as? Date == time, ordering: .relaxed)
      }
    })
    _ = try Packer.pack(options, observer: look)
    let wasKept = isSame.load(ordering: .relaxed)
    #expect(wasKept)
    #expect(try bytes(fixture) == expected)
    #expect(contents(fixture) == ["checkpoint", "out.vial", "text"])
    #expect(kept.count > 1000)
  }

  /// Layers belong to whoever packs the file, from the first one on; they lie beside the file itself, whichever link
  /// leads to it, and are as secret as that may be.
  @Test func finishedLayersHaveOneWriter() throws {
    let fixture = try Fixture("qwen2-tiny-untied")
    let files = FileManager.default
    var options = try calibrated(fixture)
    let link = fixture.output + "-link"
    try files.createSymbolicLink(atPath: link, withDestinationPath: "out.vial")
    options.outputPath = link
    let folder = fixture.output + ".partial-layers"
    // Another writer is refused while layers are made.
    let wasRefused = Atomic<Bool>(false)
    let path = fixture.output
    let stop = PackObserver(shouldStop: {
      guard FileManager.default.fileExists(atPath: folder + "/layer-0000") else { return false }
      do throws(SystemError) { _ = try AtomicFile(path: path) } catch {
        wasRefused.store("\(error)".contains("another program"), ordering: .relaxed)
      }
      return true
    })
    #expect(throws: PackingError.self) { try Packer.pack(options, observer: stop) }
    let isOne = wasRefused.load(ordering: .relaxed)
    #expect(isOne)
    #expect(
      contents(fixture) == ["checkpoint", "out.vial-link", "out.vial.partial-layers", "text"])
    let attributes = try files.attributesOfItem(atPath: folder)
    #expect(attributes[.posixPermissions] as? Int == 0o700)
    // A second packer does not touch the first one's layers.
    let kept = try Data(contentsOf: URL(fileURLWithPath: folder + "/layer-0000"))
    do {
      let writer = try AtomicFile(path: fixture.output)
      #expect(throws: PackingError("cannot write \(link): another program is writing it")) {
        try Packer.pack(options)
      }
      writer.abandon()
    }
    #expect(try Data(contentsOf: URL(fileURLWithPath: folder + "/layer-0000")) == kept)
    // Under the file's own name it goes on, and clears away.
    options.outputPath = fixture.output
    _ = try Packer.pack(options)
    #expect(contents(fixture) == ["checkpoint", "out.vial", "out.vial-link", "text"])
    // What is no folder is not followed.
    try files.createSymbolicLink(atPath: folder, withDestinationPath: "checkpoint")
    #expect(throws: PackingError("\(folder): it is there, and no folder")) {
      try Packer.pack(options)
    }
  }

  @Test func layersOfAnotherJobOrDamagedOnesAreNotUsed() throws {
    let fixture = try Fixture("qwen2-tiny-untied")
    let options = try calibrated(fixture)
    _ = try Packer.pack(options)
    let expected = try bytes(fixture)
    let layer = URL(fileURLWithPath: fixture.output + ".partial-layers/layer-0000")
    let stop = PackObserver(shouldStop: { FileManager.default.fileExists(atPath: layer.path) })
    var other = try calibrated(fixture, text: Self.text + Array(" more".utf8))
    #expect(throws: PackingError.self) { try Packer.pack(other, observer: stop) }
    _ = try Packer.pack(calibrated(fixture))
    #expect(try bytes(fixture) == expected)
    // A codebook needs as many bytes as symmetric integers do, but is another job.
    let codebook = WeightRecipe(grid: .codebook)
    _ = try Packer.pack(calibrated(fixture, codebook))
    let expectedCodebook = try bytes(fixture)
    #expect(throws: PackingError.self) { try Packer.pack(options, observer: stop) }
    _ = try Packer.pack(calibrated(fixture, codebook))
    #expect(try bytes(fixture) == expectedCodebook)
    for place in [0, 20, 60, 2000] {
      other = try calibrated(fixture)
      #expect(throws: PackingError.self) { try Packer.pack(other, observer: stop) }
      var bytes = try Data(contentsOf: layer)
      bytes[place] ^= 1
      try bytes.write(to: layer)
      _ = try Packer.pack(other)
      #expect(try self.bytes(fixture) == expected)
    }
  }

  @Test(arguments: QuantizationGrid.allCases)
  func aBudgetIsKept(_ grid: QuantizationGrid) throws {
    let fixture = try Fixture("qwen2-tiny-tied")
    let recipe = WeightRecipe(grid: grid)
    var last = 0
    for bits in [5.0, 6.0, 7.5] {
      _ = try Packer.pack(calibrated(fixture, recipe, bits: bits))
      let file = try FormatReader.open(ByteRegion(copying: bytes(fixture)))
      var (byteCount, weightCount) = (0, 0)
      for index in 0..<file.tensors.count {
        let tensor = file.tensors[index]
        guard tensor.shape.rank == 2, tensor.name.contains("layers.") else { continue }
        byteCount += tensor.region.byteCount
        #expect(
          (tensor.format.codebook != nil)
            == (grid == .codebook && tensor.format.encoding == .int4))
        weightCount += Int(tensor.shape[0] * tensor.shape[1])
      }
      #expect(Double(byteCount) * 8 <= bits * Double(weightCount))
      #expect(byteCount > last)
      last = byteCount
    }
    #expect(throws: PackingError.self) { try Packer.pack(calibrated(fixture, bits: 2)) }
  }

  /// The message of a pack that must fail and leave nothing.
  private func failure(_ fixture: Fixture, _ options: PackOptions) -> String? {
    do {
      _ = try Packer.pack(options)
      return nil
    } catch {
      return contents(fixture) == ["checkpoint", "text"] ? error.message : nil
    }
  }

  @Test func badTextIsRefused() throws {
    let fixture = try Fixture("qwen2-tiny-untied")
    let long = Self.text
    let cases: [([UInt8], String)] = [
      ([], "no text"), (Array(" \n\t\n".utf8), "no text"), (Array("too short".utf8), "too short"),
      (long + [0xFF, 0x41], "not UTF-8 text, at byte \(long.count)"),
      (long + [0xE4, 0xBD], "not UTF-8 text, at byte \(long.count)"),
      (Array("{\"messages\": []}\n".utf8), "line 1"),
      (Array("{\"text\": \"a\"}\n{\n".utf8), "line 2"),
      (Array("{\"text\": \"a\"}\n\n{\"messages\": [{\"role\": \"user\"}]}\n".utf8), "line 3"),
    ]
    for (text, word) in cases {
      let message = failure(fixture, try calibrated(fixture, text: text))
      #expect(message?.contains(word) == true, "\(word): \(message ?? "no failure")")
    }
    var missing = try calibrated(fixture)
    missing.calibration = CalibrationOptions(path: "/nowhere/at/all")
    #expect(failure(fixture, missing) != nil)
  }

  @Test func whatCannotBeCalibratedIsRefused() throws {
    let fixture = try Fixture("qwen2-tiny-untied")
    let message = failure(fixture, try calibrated(fixture, WeightRecipe(weights: .f16)))
    #expect(message?.contains("nothing to calibrate") == true)
    var random = try calibrated(fixture)
    random.randomSeed = 1
    #expect(failure(fixture, random)?.contains("random weights") == true)
    let quantized = try Fixture("gptq-g32-sym")
    #expect(failure(quantized, try calibrated(quantized))?.contains("nothing to calibrate") == true)
  }

  @Test func conversationsAreRendered() throws {
    let fixture = try Fixture("qwen2-tiny-untied")
    let words = String(
      decoding: Self.text.prefix(6000).filter {
        $0 != 0x22 && $0 != 0x5C && $0 >= 0x20 && $0 < 0x7F
      }, as: UTF8.self)
    let line =
      "{\"messages\": [{\"role\": \"user\", \"content\": \"Why?\"}, {\"role\": \"assistant\","
      + " \"content\": \"<think>\\nplan\\n</think>\\n\\n\(words)\"}]}\n"
    let options = try calibrated(fixture, text: Array((line + line).utf8))
    _ = try Packer.pack(options)
    let first = try bytes(fixture)
    // Another plan gives other tokens: the reasoning is part of what is calibrated with.
    let other = line.replacingOccurrences(of: "plan", with: "a plan that is quite another one")
    _ = try Packer.pack(calibrated(fixture, text: Array((line + other).utf8)))
    let weights = try [first, bytes(fixture)].map { bytes in
      let file = try FormatReader.open(ByteRegion(copying: bytes))
      return decoded(try #require(file.tensors.find("model.layers.0.mlp.up_proj.weight")))
    }
    #expect(weights[0] != weights[1])
  }
}

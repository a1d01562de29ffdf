// GGUF files as older tools wrote them, and as newer ones cut them: old keys, biases, split sets, other byte orders.

import Foundation
import TestSupport
import Testing
import VialFormat
import VialPacking

@Suite struct GGUFOldFileTests {
  private func packed(_ builder: GGUFBuilder) throws -> VialFile {
    let fixture = try Fixture()
    try fixture.write("model.gguf", builder.bytes)
    return try fixture.packed("model.gguf").file
  }

  private func failure(_ builder: GGUFBuilder) throws -> String? {
    do {
      _ = try packed(builder)
      return nil
    } catch let error as PackingError { return error.message }
  }

  private func builder() throws -> GGUFBuilder {
    try GGUFBuilder(Fixture("qwen2-tiny-untied"), pre: "qwen2")
  }

  /// llama.cpp's rule is linear where none is named, and its older key is read where the newer one is missing.
  @Test func positionsAreStretched() throws {
    let plain = try packed(builder()).configuration.ropeInverseFrequencies
    let cases: [([(String, GGUFBuilder.Value)], Float)] = [
      ([("rope.scaling.type", .text("linear")), ("rope.scaling.factor", .f32(4))], 4),
      ([("rope.scaling.factor", .f32(4))], 4), ([("rope.scale_linear", .f32(4))], 4),
      ([("rope.scaling.factor", .f32(2)), ("rope.scale_linear", .f32(4))], 2),
      ([("rope.scaling.type", .text("none")), ("rope.scaling.factor", .f32(4))], 1),
      ([("rope.scaling.factor", .f32(0))], 1), ([("rope.scale_linear", .f32(1))], 1),
    ]
    for (keys, factor) in cases {
      var source = try builder()
      for (key, value) in keys { source["qwen2." + key] = value }
      #expect(
        try packed(source).configuration.ropeInverseFrequencies == plain.map { $0 / factor },
        "\(keys)")
    }
    var source = try builder()
    source["qwen2.rope.scaling.type"] = .text("linear")
    #expect(try failure(source)?.contains("rope.scaling.factor is missing") == true)
  }

  /// The factor holds for the divisors of a tensor, too.
  @Test func divisorsAndAFactor() throws {
    var source = try builder()
    source.tensors.append(
      .init(
        name: "rope_freqs.weight", shape: [8], type: 0,
        data: [Float](repeating: 2, count: 8).flatMap { value in
          withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
        }))
    let twice = try packed(source).configuration.ropeInverseFrequencies
    source["qwen2.rope.scale_linear"] = .f32(4)
    #expect(try packed(source).configuration.ropeInverseFrequencies == twice.map { $0 / 4 })
  }

  /// llama.cpp adds biases wherever it finds them; a file with one that is not computed is refused.
  @Test func tensorsThatWouldBeComputedWith() throws {
    for name in ["blk.0.attn_output.bias", "blk.1.attn_q_norm.weight", "output.bias"] {
      var source = try builder()
      source.tensors.append(
        .init(name: name, shape: [64], type: 0, data: [UInt8](repeating: 0, count: 256)))
      let message = try failure(source)
      #expect(
        message?.contains("tensor \(name) would be computed with") == true, "\(message ?? "")")
    }
    // What old converters wrote beside is computed from the metadata.
    var source = try builder()
    source.tensors.append(
      .init(
        name: "blk.0.attn_rot_embd", shape: [8], type: 0, data: [UInt8](repeating: 0, count: 32)))
    #expect(try packed(source).modelDigest == packed(builder()).modelDigest)
  }

  @Test func bigEndianFilesAreNamed() throws {
    var source = try builder()
    source.version = UInt32(3).byteSwapped
    #expect(try failure(source)?.contains("big-endian") == true)
  }

  // MARK: Split sets

  /// Three parts: metadata and no tensor, then half of the tensors each.
  private func parts() throws -> [GGUFBuilder] {
    let whole = try builder()
    return (0..<3).map { number in
      var part = number == 0 ? whole : GGUFBuilder()
      let half = whole.tensors.count / 2
      part.tensors =
        number == 0
        ? [] : number == 1 ? Array(whole.tensors[..<half]) : Array(whole.tensors[half...])
      part["split.no"] = .u32(UInt32(number))
      part["split.count"] = .u32(3)
      part["split.tensors.count"] = .i32(Int32(whole.tensors.count))
      return part
    }
  }

  private func write(_ parts: [GGUFBuilder], _ fixture: Fixture) throws {
    for (number, part) in parts.enumerated() {
      try fixture.write("model-0000\(number + 1)-of-00003.gguf", part.bytes)
    }
  }

  private func message(_ fixture: Fixture, _ file: String) -> String {
    do {
      _ = try fixture.packed(file)
      return "packed"
    } catch { return "\(error)" }
  }

  @Test func aSetIsReadFromItsFirstPart() throws {
    let fixture = try Fixture()
    try write(parts(), fixture)
    let first = "model-00001-of-00003.gguf"
    let (file, _, _) = try fixture.packed(first)
    #expect(try file.modelDigest == packed(builder()).modelDigest)
    guard case .textArray(let digests)? = try file.provenance()?["source.digests"] else {
      Issue.record("no digests")
      return
    }
    #expect(digests.count == 3)
    #expect(message(fixture, "model-00002-of-00003.gguf").contains("part 2 of 3"))
    try FileManager.default.moveItem(at: fixture.url(first), to: fixture.url("other.gguf"))
    #expect(message(fixture, "other.gguf").contains("-00001-of-00003.gguf"))
    try FileManager.default.moveItem(at: fixture.url("other.gguf"), to: fixture.url(first))
    try FileManager.default.removeItem(at: fixture.url("model-00003-of-00003.gguf"))
    #expect(message(fixture, first).contains("part 3 of 3 of the split model is missing"))
  }

  @Test func partsThatLie() throws {
    let first = "model-00001-of-00003.gguf"
    let changes: [((inout [GGUFBuilder]) -> Void, String)] = [
      ({ $0[1]["split.no"] = .u32(2) }, "not part 2 of 3"),
      ({ $0[2]["split.count"] = .u32(4) }, "not part 3 of 3"),
      ({ $0[2]["split.no"] = nil }, "not part 3 of 3"),
      ({ $0[0]["split.tensors.count"] = .i32(1) }, "not the 1 of the whole"),
      ({ $0[2].tensors = $0[1].tensors }, "in another part"),
      ({ $0[0]["split.count"] = .u32(1 << 20) }, "split.count"),
    ]
    for (change, words) in changes {
      let fixture = try Fixture()
      var parts = try parts()
      change(&parts)
      try write(parts, fixture)
      #expect(message(fixture, first).contains(words), "\(words): \(message(fixture, first))")
    }
  }
}

// The forward pass below the engine: transformers' logits, and the same bits however texts are cut
// into steps.

import TestSupport
import Testing
import VialCompute
import VialFormat
import VialModel
import VialPacking

@Suite struct DecoderForwardTests {
  private static func weights(
    _ name: String, _ encoding: TensorEncoding = .f16,
    verification: ModelFile.Verification = .tables
  ) throws -> DecoderWeights {
    let path = try PackedModel.path(name, WeightRecipe(weights: encoding))
    return try ModelFile(path: path, verification: verification).weights()
  }

  private static func bits(_ rows: [[Float]]) -> [[UInt32]] { rows.map { $0.map(\.bitPattern) } }

  /// The largest difference is the source's own rounding: f32 sources lose bits in f16.
  @Test(arguments: [
    ("qwen2-tiny-untied", TensorEncoding.f16), ("qwen2-tiny-tied", .f32), ("llama3-tiny", .f16),
  ])
  func logitsEqualTransformers(_ name: String, _ encoding: TensorEncoding) throws {
    let golden = try Golden.read(name)
    let pass = try ForwardPass(Self.weights(name, encoding))
    let logits = try pass.logits(golden.tokenIDs, pieces: 64)
    #expect(logits.count == golden.logits.count)
    for (row, truth) in zip(logits, golden.logits) {
      #expect(row.count == truth.count)
      #expect(zip(row, truth).allSatisfy { abs($0 - $1) < 2e-4 })
    }
    // Positions of ten blocks.
    let long = try pass.logits(golden.longTokenIDs, pieces: 64)
    let last = try #require(long.last)
    #expect(zip(last, golden.longLogitsLast).allSatisfy { abs($0 - $1) < 2e-4 })
  }

  /// One token after another is decoding, all at once is prefill.
  @Test(arguments: KVCacheType.allCases)
  func stepsOfAnySizeGiveTheSameBits(_ type: KVCacheType) throws {
    let ids = Array(try Golden.read("qwen2-tiny-untied").longTokenIDs.prefix(150))
    let weights = try Self.weights("qwen2-tiny-untied", .int4)
    let reference = try #require(KernelFamily(named: "reference"))
    let truth = Self.bits(
      try ForwardPass(weights, type: type, family: reference, threads: 1, rows: 150)
        .logits(ids, pieces: 150))
    for family in KernelFamily.available {
      let pass = try ForwardPass(weights, type: type, family: family, threads: 3, rows: 150)
      for count in [1, 7, 64, 65, 150] {
        let isSame = Self.bits(try pass.logits(ids, pieces: count)) == truth
        #expect(isSame, "\(family.name), \(count) tokens a step")
      }
    }
  }

  /// A sequence's logits follow from its own tokens, whatever else is in the step and wherever the
  /// others' rows end.
  @Test func sequencesOfAStepDoNotMeet() throws {
    let weights = try Self.weights("qwen2-tiny-untied", .int4)
    let texts: [[UInt32]] = [
      (0..<100).map { $0 * 7 % 480 }, (0..<90).map { $0 * 11 % 480 }, [5, 6, 7],
    ]
    let alone = try texts.map { try ForwardPass(weights).logits($0, pieces: 64) }
    let pass = try ForwardPass(weights, rows: 200, sequences: 3, positions: 128)
    _ = try pass.step([
      ForwardPass.Piece(sequence: 1, ids: texts[1][..<30], logitsCount: 0),
      ForwardPass.Piece(sequence: 0, ids: texts[0][..<70], logitsCount: 0),
    ])
    let rows = try pass.step([
      ForwardPass.Piece(sequence: 0, ids: texts[0][70...], logitsCount: 1),
      ForwardPass.Piece(sequence: 2, ids: texts[2][...], logitsCount: 3),
      ForwardPass.Piece(sequence: 1, ids: texts[1][30...], logitsCount: 2),
    ])
    let truth = [alone[0][99], alone[2][0], alone[2][1], alone[2][2], alone[1][88], alone[1][89]]
    #expect(rows.count == truth.count)
    for (index, (row, alone)) in zip(rows, truth).enumerated() {
      let isSame = row.map(\.bitPattern) == alone.map(\.bitPattern)
      #expect(isSame, "row \(index)")
    }
  }

  /// The last guard, behind those of the engine: the row is marked, and its neighbours are what they
  /// are without it.
  @Test(arguments: [ModelFile.Verification.tables, .lazy])
  func aTokenBeyondTheEmbeddingMarksItsRow(_ verification: ModelFile.Verification) throws {
    let weights = try Self.weights("qwen2-tiny-untied", .int4, verification: verification)
    let pass = try ForwardPass(weights, rows: 4, sequences: 2, positions: 64)
    func first(beside other: UInt32) throws -> [UInt32] {
      let rows = try pass.step([
        ForwardPass.Piece(sequence: 0, ids: [7]), ForwardPass.Piece(sequence: 1, ids: [other]),
      ])
      return rows[0].map(\.bitPattern)
    }
    let truth = try first(beside: 9)
    #expect(!pass.forward.isNonFinite(row: 0) && !pass.forward.isNonFinite(row: 1))
    for id: UInt32 in [512, 1 << 24, .max] {
      #expect(try first(beside: id) == truth)
      #expect(!pass.forward.isNonFinite(row: 0) && pass.forward.isNonFinite(row: 1))
    }
  }
}

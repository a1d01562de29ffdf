// When damage is found: at once, before its first use, or not at all; and that checking changes no answer.

import Dispatch
import Foundation
import Synchronization
import TestSupport
import Testing
import Vial
import VialEngine
import VialFormat
import VialModel
import VialPacking
import VialSystem

@Suite struct VerificationTests {
  private let scratch = TemporaryFolder()
  private static let prompt: [UInt32] = (1...40).map { UInt32($0 * 7) }

  /// A model whose weights have several chunks, and whose embedding is a tensor of its own: a fixture with random
  /// weights and a larger vocabulary.
  private static let packed = Mutex<String?>(nil)
  private static let folder = TemporaryFolder()

  private static func path() throws -> String {
    try packed.withLock { packed in
      if let packed { return packed }
      let fixture = try Fixture("qwen2-tiny-untied")
      try fixture.edit("config.json", "\"vocab_size\": 512", "\"vocab_size\": 16384")
      var options = fixture.options(WeightRecipe(weights: .f32, embedding: .f32, head: .f32))
      options.outputPath = folder.path("large.vial")
      options.randomSeed = 1
      _ = try Packer.pack(options)
      packed = options.outputPath
      return options.outputPath
    }
  }

  /// A copy of the model with one byte of a chunk of its weights changed.
  private func damaged(chunk: Int, at position: Int = 77) throws -> String {
    let original = try Self.path()
    let weights = try #require(
      try ModelFile(path: original).descriptor.sections.first { $0.kind == .weights })
    let offset = Int(weights.offset) + chunk << 20 + position
    try #require(UInt64(chunk << 20 + position) < weights.storedByteCount)
    return try changed(original, offset)
  }

  private func changed(_ original: String, _ offset: Int) throws -> String {
    var bytes = try Data(contentsOf: URL(fileURLWithPath: original))
    bytes[offset] ^= 0x10
    let path = scratch.url.appendingPathComponent("damaged.vial").path
    try bytes.write(to: URL(fileURLWithPath: path))
    return path
  }

  private static func answer(_ model: Model, _ prompt: [UInt32] = VerificationTests.prompt) throws
    -> [UInt32]
  {
    let options = GenerationOptions(maximumTokens: 12, sampling: SamplingParameters())
    let engine = try Engine(model: model, capacity: 64, options: ComputeOptions(threadCount: 3))
    return try engine.tokens(prompt, options)
  }

  /// The error that `body` throws, as a broken rule.
  private static func problem(_ body: () throws -> Void) -> FormatError? {
    do {
      try body()
      return nil
    } catch VialError.format(let error) {
      return error
    } catch {
      Issue.record("\(error)")
      return nil
    }
  }

  private static func chunkCount(_ path: String) throws -> Int {
    let file = try ModelFile(path: path).descriptor
    let weights = try #require(file.sections.first { $0.kind == .weights })
    return try SectionChunks(weights, of: file).count
  }

  @Test func aWholeFileAnswersTheSame() throws {
    let path = try Self.path()
    #expect(try Self.chunkCount(path) >= 3)
    let plain = try Self.answer(Model(path: path))
    for verification in ModelFile.Verification.allCases {
      for access in [MappedFile.Access.mapped, .copied] {
        let model = try Model(path: path, access: access, verification: verification)
        #expect(try Self.answer(model) == plain)
        #expect(try Self.answer(model) == plain)
      }
    }
    #expect(try Model(path: path).verify()?.problems == [])
  }

  @Test func aDamagedChunkIsMetBeforeItIsUsed() throws {
    var lazilyFound = 0
    for chunk in 0..<(try Self.chunkCount(Self.path())) {
      let path = try damaged(chunk: chunk)
      #expect(Self.problem { _ = try Model(path: path, verification: .whole) }?.rule == 220)
      _ = try Model(path: path)
      let model = try Model(path: path, verification: .lazy)
      // Tokens of every part of the vocabulary: each chunk of the embedding is used sooner or later.
      let scorer = try Scorer(model: model, options: ComputeOptions(threadCount: 2))
      let ids = stride(from: 0, to: UInt32(scorer.vocabularySize), by: 256).map { $0 }
      let problem = Self.problem { try scorer.score(ids.span) { _, _ in true } }
      #expect(problem?.rule == 220)
      let weights = try #require(model.file.sections.first { $0.kind == .weights })
      #expect(problem?.offset == weights.offset + UInt64(chunk << 20))
      // It stays so.
      #expect(Self.problem { try scorer.score(ids.span) { _, _ in true } } == problem)
      lazilyFound += problem == nil ? 0 : 1
    }
    #expect(lazilyFound >= 3)
  }

  @Test func smallSectionsAreCheckedWhenTheFileIsOpened() throws {
    let original = try Self.path()
    let file = try ModelFile(path: original).descriptor
    for kind in [SectionKind.tokenizer, .provenance, .chunkDigests] {
      let section = try #require(file.sections.first { $0.kind == kind })
      let path = try changed(original, Int(section.offset + section.storedByteCount - 1))
      #expect(
        Self.problem { _ = try Model(path: path, verification: .lazy) }?.rule
          == (kind == .chunkDigests ? 223 : 220))
      #expect(Self.problem { _ = try Model(path: path, verification: .whole) } != nil)
    }
  }

  @Test func headOfTheChunkDigestsIsHostile() throws {
    let original = try Self.path()
    let file = try ModelFile(path: original).descriptor
    let section = try #require(file.sections.first { $0.kind == .chunkDigests })
    for byte in 0..<48 {
      let path = try changed(original, Int(section.offset) + byte)
      // What is not needed (a reserved field) may pass; nothing may crash.
      let problem = Self.problem { _ = try Model(path: path, verification: .lazy) }
      if !(20..<24).contains(byte) { #expect([222, 223].contains(problem?.rule), "byte \(byte)") }
    }
  }

  @Test func rowsOfAnEmbeddingAreCheckedWhenTheirTokensCome() throws {
    let original = try Self.path()
    let file = try ModelFile(path: original).descriptor
    let embedding = try #require(file.tensors.find("model.embed_tokens.weight"))
    let weights = try #require(file.sections.first { $0.kind == .weights })
    let (first, end) = (Int(embedding.offset), Int(embedding.offset) + embedding.byteCount)
    // A chunk that holds nothing but rows of the embedding.
    let chunk = (first + (1 << 20) - 1) >> 20
    try #require((chunk + 1) << 20 <= end, "the embedding is too small for this test")
    let path = try changed(original, Int(weights.offset) + chunk << 20 + 5)
    let model = try Model(path: path, verification: .lazy)
    let tile = embedding.byteCount / ((embedding.shape.rowCount + 15) / 16)
    let inside = [UInt32(((chunk << 20) - first) / tile * 16 + 16)]
    let before = (0..<UInt32((chunk << 20) - first) / UInt32(tile) * 16).prefix(8)
    let after = UInt32((((chunk + 1) << 20) - first) / tile * 16 + 16)
    let harmless = before.isEmpty ? [after, after + 1] : Array(before)
    let scorer = try Scorer(model: model)
    #expect(Self.problem { try scorer.score(harmless.span) { _, _ in true } } == nil)
    #expect(Self.problem { try scorer.score(inside.span) { _, _ in true } }?.rule == 220)
    #expect(Self.problem { try scorer.score(harmless.span) { _, _ in true } } == nil)
  }

  @Test func twoThreadsMayUseAFileForTheFirstTimeAtOnce() throws {
    let path = try Self.path()
    let plain = try Self.answer(Model(path: path))
    let broken = try damaged(chunk: Self.chunkCount(path) - 1)
    for _ in 0..<5 {
      let model = try Model(path: path, verification: .lazy)
      let bad = try Model(path: broken, verification: .lazy)
      let right = Atomic<Int>(0)
      DispatchQueue.concurrentPerform(iterations: 6) { index in
        if index % 2 == 0 {
          if (try? Self.answer(model)) == plain { right.add(1, ordering: .relaxed) }
        } else if Self.problem({ _ = try Self.answer(bad) })?.rule == 220 {
          right.add(1, ordering: .relaxed)
        }
      }
      #expect(right.load(ordering: .relaxed) == 6)
    }
  }
}

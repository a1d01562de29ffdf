// What the runtime refuses, and that it never takes the host with it.

import Foundation
import Testing
import Vial
import VialEngine
import VialFormat
import VialModel
import VialPacking
import VialSystem

@Suite struct RefusalTests {
  private static let greedy = SamplingParameters()

  @Test func promptsThatDoNotFitAreRefused() throws {
    let model = try PackedModel.open("qwen2-tiny-untied")
    let generator = try Generator(model: model, capacity: 1 << 20)
    let options = GenerationOptions(maximumTokens: 1, sampling: Self.greedy)
    let long = [UInt32](repeating: 1, count: model.contextLength)
    #expect(throws: VialError.self) { try generator.tokens(long, options) }
    #expect(throws: VialError.self) { try generator.tokens([], options) }
    #expect(throws: VialError.self) { try generator.tokens([1, 512], options) }
    #expect(throws: VialError.self) { try generator.tokens([1, .max], options) }
    #expect(try generator.tokens(Array(long.dropFirst()), options).count <= 1)
  }

  @Test func limitsEndAnAnswer() throws {
    let model = try PackedModel.open("qwen2-tiny-untied")
    let generator = try Generator(model: model, capacity: 40)
    let prompt: [UInt32] = [3, 17, 101]
    let none = try generator.generate(
      prompt: prompt.span, options: GenerationOptions(maximumTokens: 0, sampling: Self.greedy))
    #expect(none.tokens.count == 0)
    #expect(none.finishReason == .length)
    let full = try generator.generate(
      prompt: prompt.span, options: GenerationOptions(sampling: Self.greedy))
    #expect(full.finishReason == .length || full.finishReason == .stop)
    #expect(full.tokens.count <= 37)
    var asked = 0
    let cancelled = try generator.generate(
      prompt: prompt.span, options: GenerationOptions(sampling: Self.greedy),
      shouldStop: {
        asked += 1
        return asked > 6
      })
    #expect(cancelled.finishReason == .cancelled)
    let first = (0..<cancelled.tokens.count).map { cancelled.tokens.pointer[$0] }
    #expect(first == (0..<first.count).map { full.tokens.pointer[$0] })
  }

  @Test func optionsOutOfRangeAreRefused() throws {
    let model = try PackedModel.open("qwen2-tiny-untied")
    let generator = try Generator(model: model, capacity: 16)
    for change: (inout SamplingParameters) -> Void in [
      { $0.temperature = -1 }, { $0.temperature = .nan }, { $0.topP = 0 }, { $0.topP = 1.5 },
      { $0.minP = -0.1 }, { $0.minP = 2 }, { $0.repetitionPenalty = 0 },
    ] {
      var sampling = Self.greedy
      change(&sampling)
      #expect(throws: VialError.self) {
        try generator.tokens([1], GenerationOptions(maximumTokens: 1, sampling: sampling))
      }
    }
  }

  /// Open does not read weights, so infinite scales reach the kernels: the request ends, nothing else.
  @Test(
    arguments: [UInt8(0x7C), 0x7E, 0xFC, 0xFF],
    [WeightRecipe(), WeightRecipe(weights: .int8), WeightRecipe(weights: .f16)])
  func hostileWeightsEndTheRequest(_ byte: UInt8, _ recipe: WeightRecipe) throws {
    let source = try PackedModel.path("qwen2-tiny-untied", recipe)
    var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: source)))
    let weights = try #require(try Model(path: source).file.sections.first { $0.kind == .weights })
    let range = Int(weights.offset)..<Int(weights.offset + weights.storedByteCount)
    for index in range { bytes[index] = byte }
    let path = NSTemporaryDirectory() + "vial-hostile-\(UUID().uuidString).vial"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    let generator = try Generator(model: try Model(path: path), capacity: 64)
    let result = try generator.generate(
      prompt: [UInt32](0..<20).span,
      options: GenerationOptions(maximumTokens: 5, sampling: Self.greedy))
    #expect(result.finishReason == .error)
  }

  @Test func filesThatAreNoModelsAreRefused() throws {
    #expect(throws: VialError.self) { try Model(path: "/nowhere/at/all.vial") }
    #expect(throws: VialError.self) { try Model(path: NSTemporaryDirectory()) }
    #expect(throws: VialError.self) { try Model(path: "/dev/null") }
  }

  @Test func aPrivateCopyAnswersTheSame() throws {
    let path = try PackedModel.path("qwen2-tiny-untied")
    let options = GenerationOptions(maximumTokens: 10, sampling: Self.greedy)
    let answers = try [MappedFile.Access.mapped, .copied].map { access in
      try Generator(model: Model(path: path, access: access), capacity: 32).tokens([5, 6], options)
    }
    #expect(answers[0] == answers[1])
  }
}

// What the runtime refuses, and that it never takes the host with it.

import Foundation
import TestSupport
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
    let engine = try Engine(model: model, capacity: 1 << 20)
    let options = GenerationOptions(maximumTokens: 1, sampling: Self.greedy)
    let long = [UInt32](repeating: 1, count: model.contextLength)
    #expect(throws: VialError.self) { try engine.tokens(long, options) }
    #expect(throws: VialError.self) { try engine.tokens([], options) }
    #expect(throws: VialError.self) { try engine.tokens([1, 512], options) }
    #expect(throws: VialError.self) { try engine.tokens([1, .max], options) }
    #expect(try engine.tokens(Array(long.dropFirst()), options).count <= 1)
  }

  @Test func limitsEndAnAnswer() throws {
    let model = try PackedModel.open("qwen2-tiny-untied")
    let engine = try Engine(model: model, capacity: 40)
    let prompt: [UInt32] = [3, 17, 101]
    let none = try engine.submit(
      prompt, GenerationOptions(maximumTokens: 0, sampling: Self.greedy))
    #expect(none.finishedTokens() == [])
    #expect(none.ending?.reason == .length)
    let full = try engine.submit(prompt, GenerationOptions(sampling: Self.greedy))
    #expect(full.finishedTokens().count <= engine.cachePositionCount - prompt.count)
    #expect(full.ending?.reason == .length || full.ending?.reason == .stop)
  }

  @Test func optionsOutOfRangeAreRefused() throws {
    let model = try PackedModel.open("qwen2-tiny-untied")
    let engine = try Engine(model: model, capacity: 16)
    for change: (inout SamplingParameters) -> Void in [
      { $0.temperature = -1 }, { $0.temperature = .nan }, { $0.topP = 0 }, { $0.topP = 1.5 },
      { $0.minP = -0.1 }, { $0.minP = 2 }, { $0.repetitionPenalty = 0 },
    ] {
      var sampling = Self.greedy
      change(&sampling)
      #expect(throws: VialError.self) {
        try engine.tokens([1], GenerationOptions(maximumTokens: 1, sampling: sampling))
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
    let engine = try Engine(model: try Model(path: path), capacity: 64)
    let request = try engine.submit(
      [UInt32](0..<20), GenerationOptions(maximumTokens: 5, sampling: Self.greedy))
    _ = request.events()
    #expect(request.ending?.reason == .error)
    #expect(request.ending?.failure == .numericError)
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
      try Engine(model: Model(path: path, access: access), capacity: 32).tokens([5, 6], options)
    }
    #expect(answers[0] == answers[1])
  }
}

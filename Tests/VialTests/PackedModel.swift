// Packed fixtures for the tests of the runtime: packed once per recipe, removed with the process.

import Foundation
import Synchronization
import Testing
import Vial
import VialEngine
import VialPacking
import VialSystem

/// A committed checkpoint, packed.
enum PackedModel {
  static let checkpoints = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Fixtures/checkpoints")
  private static let folder = FileManager.default.temporaryDirectory
    .appendingPathComponent("vial-tests-\(ProcessInfo.processInfo.processIdentifier)")
  private static let packed = Mutex<[String: String]>([:])

  /// The path of a checkpoint packed with a recipe.
  static func path(_ name: String, _ recipe: WeightRecipe = WeightRecipe()) throws -> String {
    let key = "\(name)-\(recipe)"
    return try packed.withLock { packed in
      if let path = packed[key] { return path }
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      let output = folder.appendingPathComponent("\(packed.count).vial").path
      var options = PackOptions(
        sourcePath: checkpoints.appendingPathComponent(name).path, outputPath: output)
      options.recipe = recipe
      _ = try Packer.pack(options)
      packed[key] = output
      return output
    }
  }

  /// A checkpoint packed with a recipe, opened.
  static func open(_ name: String, _ recipe: WeightRecipe = WeightRecipe()) throws -> Model {
    try Model(path: path(name, recipe))
  }

  /// What transformers answered.
  static func golden(_ name: String) throws -> Golden {
    let url = checkpoints.appendingPathComponent(name).appendingPathComponent("golden.json")
    return try JSONDecoder().decode(Golden.self, from: Data(contentsOf: url))
  }

  /// What transformers answered for a checkpoint that was quantised by others.
  static func importGolden(_ name: String) throws -> ImportGolden {
    let url = checkpoints.appendingPathComponent(name).appendingPathComponent("golden.json")
    return try JSONDecoder().decode(ImportGolden.self, from: Data(contentsOf: url))
  }
}

/// golden.json of a quantised checkpoint.
struct ImportGolden: Decodable {
  let tokenIDs: [UInt32]
  let argmax: [Int]
  let logitsLast: [Float]

  private enum CodingKeys: String, CodingKey {
    case tokenIDs = "token_ids"
    case argmax
    case logitsLast = "logits_last"
  }
}

/// The part of golden.json that the tests use.
struct Golden: Decodable {
  let tokenIDs: [UInt32]
  let logits: [[Float]]
  let argmax: [Int]
  let greedyPrompt: [UInt32]
  let greedy: [UInt32]
  let longTokenIDs: [UInt32]
  let longArgmax: [Int]
  let longLogitsLast: [Float]

  private enum CodingKeys: String, CodingKey {
    case tokenIDs = "token_ids"
    case logits, argmax
    case greedyPrompt = "greedy_prompt"
    case greedy
    case longTokenIDs = "long_token_ids"
    case longArgmax = "long_argmax"
    case longLogitsLast = "long_logits_last"
  }

  /// The continuation of `greedyPrompt`; some files repeat the prompt in it.
  var continuation: [UInt32] {
    greedy.starts(with: greedyPrompt) ? Array(greedy.dropFirst(greedyPrompt.count)) : greedy
  }
}

extension Scorer {
  /// The logits of every position.
  func logits(_ ids: [UInt32]) throws -> [[Float]] {
    var rows: [[Float]] = []
    try score(ids.span) { _, row in
      rows.append(Array(UnsafeBufferPointer(start: row, count: vocabularySize)))
      return true
    }
    return rows
  }
}

extension Engine {
  /// An engine with room for `capacity` positions.
  convenience init(
    model: Model, capacity: Int, options: ComputeOptions = ComputeOptions()
  ) throws(VialError) {
    var engineOptions = EngineOptions(compute: options)
    engineOptions.cachePositionCount = capacity
    try self.init(model: model, options: engineOptions)
  }

  /// Submits a prompt.
  func submit(_ prompt: [UInt32], _ options: GenerationOptions) throws -> Request {
    let tokens = try #require(SecureBuffer<UInt32>(capacity: prompt.count))
    tokens.append(contentsOf: prompt.span)
    return try submit(prompt: tokens, options: options)
  }

  /// The ids that follow a prompt.
  func tokens(_ prompt: [UInt32], _ options: GenerationOptions) throws -> [UInt32] {
    let request = try submit(prompt, options)
    let tokens = request.finishedTokens()
    if case .damagedWeights(let error) = request.ending?.failure { throw VialError.format(error) }
    return tokens
  }
}

extension Request {
  /// Everything that happens to it, in order.
  func events() -> [RequestEvent] {
    var events: [RequestEvent] = []
    while case .event(let event) = nextEvent() { events.append(event) }
    return events
  }

  /// The ids, once all are there.
  func finishedTokens() -> [UInt32] {
    _ = events()
    var ids: [UInt32] = []
    forEachToken { ids.append($0) }
    return ids
  }
}

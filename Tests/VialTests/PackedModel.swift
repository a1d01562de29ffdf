// Packed fixtures for the tests of the runtime: packed once per recipe, removed with the process.

import Foundation
import Synchronization
import Vial
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
}

/// The part of golden.json that the tests use.
struct Golden: Decodable {
  let token_ids: [UInt32]
  let logits: [[Float]]
  let argmax: [Int]
  let greedy_prompt: [UInt32]
  let greedy: [UInt32]
  let long_token_ids: [UInt32]
  let long_argmax: [Int]
  let long_logits_last: [Float]

  /// The continuation of `greedy_prompt`.
  var continuation: [UInt32] {
    Array(greedy.starts(with: greedy_prompt) ? greedy.dropFirst(greedy_prompt.count)[...] : greedy[...])
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

extension Generator {
  /// The ids that follow a prompt.
  func tokens(_ prompt: [UInt32], _ options: GenerationOptions) throws -> [UInt32] {
    let tokens = try generate(prompt: prompt.span, options: options).tokens
    return Array(UnsafeBufferPointer(start: tokens.pointer, count: tokens.count))
  }
}

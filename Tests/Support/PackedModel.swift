// Owns: committed checkpoints as they are packed, once for each recipe.
// Must not: change a file that it gave out; tests copy what they damage.

import Foundation
import Synchronization
package import Vial
import VialFormat
package import VialPacking

/// A committed checkpoint, packed.
package enum PackedModel {
  private static let folder = TemporaryFolder()
  private static let packed = Mutex<[String: String]>([:])

  /// The path of a checkpoint packed with a recipe.
  package static func path(
    _ name: String, _ recipe: WeightRecipe = WeightRecipe()
  ) throws -> String {
    let key = "\(name)-\(recipe)"
    return try packed.withLock { packed in
      if let path = packed[key] { return path }
      var options = PackOptions(
        sourcePath: Files.checkpoints.appendingPathComponent(name).path,
        outputPath: folder.path("\(packed.count).vial"))
      options.recipe = recipe
      _ = try Packer.pack(options)
      packed[key] = options.outputPath
      return options.outputPath
    }
  }

  /// A checkpoint packed with a recipe, opened.
  package static func open(
    _ name: String, _ recipe: WeightRecipe = WeightRecipe()
  ) throws -> Model {
    try Model(path: path(name, recipe))
  }
}

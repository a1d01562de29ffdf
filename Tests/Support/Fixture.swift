// Owns: checkpoints that a test may change, and what packing them gives.
// Must not: assert; tests do.

package import Foundation
import Synchronization
package import VialFormat
package import VialPacking

/// A checkpoint folder of the test's own, removed with the value.
package final class Fixture {
  private let root = TemporaryFolder()

  /// The checkpoint.
  package let folder: URL
  /// Where it is packed to.
  package var output: String { root.path("out.vial") }

  /// A copy of a committed checkpoint, or an empty folder.
  package init(_ name: String? = nil) throws {
    folder = root.url("checkpoint")
    if let name {
      try FileManager.default.copyItem(
        at: Files.checkpoints.appendingPathComponent(name), to: folder)
    } else {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }
  }

  /// A file of the checkpoint.
  package func url(_ file: String) -> URL { folder.appendingPathComponent(file) }

  /// Writes a file of the checkpoint.
  package func write(_ file: String, _ bytes: [UInt8]) throws {
    try Data(bytes).write(to: url(file))
  }

  /// The bytes of a file of the checkpoint.
  package func bytes(_ file: String) throws -> [UInt8] { Array(try Data(contentsOf: url(file))) }

  /// Replaces text in a settings file; the text must be there.
  package func edit(_ file: String, _ old: String, _ new: String) throws {
    let text = String(decoding: try bytes(file), as: UTF8.self)
    guard text.contains(old) else { throw CocoaError(.fileReadCorruptFile) }
    try write(file, Array(text.replacingOccurrences(of: old, with: new).utf8))
  }

  /// The checkpoint's config.json.
  package func config() throws -> [String: Any] {
    let object = try JSONSerialization.jsonObject(with: Data(bytes("config.json")))
    guard let members = object as? [String: Any] else { throw CocoaError(.fileReadCorruptFile) }
    return members
  }

  /// Replaces the checkpoint's config.json.
  package func write(config: [String: Any]) throws {
    try write("config.json", Array(try JSONSerialization.data(withJSONObject: config)))
  }

  /// Puts a value into config.json; the key may be one of an inner object, behind a dot.
  package func set(_ key: String, _ json: String) throws {
    var config = try config()
    let value = try JSONSerialization.jsonObject(with: Data(json.utf8), options: .fragmentsAllowed)
    let parts = key.split(separator: ".").map(String.init)
    if parts.count == 2 {
      guard var inner = config[parts[0]] as? [String: Any] else {
        throw CocoaError(.fileReadCorruptFile)
      }
      inner[parts[1]] = value
      config[parts[0]] = inner
    } else {
      config[key] = value
    }
    try write(config: config)
  }

  /// Takes keys, which must be there, out of config.json.
  package func remove(_ keys: String...) throws {
    var config = try config()
    for key in keys where config.removeValue(forKey: key) == nil {
      throw CocoaError(.fileReadCorruptFile)
    }
    try write(config: config)
  }

  /// A job that packs the folder.
  package func options(_ recipe: WeightRecipe = WeightRecipe()) -> PackOptions {
    var options = PackOptions(sourcePath: folder.path, outputPath: output)
    options.recipe = recipe
    options.modelName = "fixture"
    return options
  }

  /// Packs the folder and opens the result.
  package func pack(_ recipe: WeightRecipe = WeightRecipe(), threads: Int = 2) throws
    -> VialFile
  {
    try FormatReader.open(ByteRegion(copying: packedBytes(recipe, threads: threads)))
  }

  /// Packs the folder and reads the file.
  package func packedBytes(_ recipe: WeightRecipe = WeightRecipe(), threads: Int = 2) throws
    -> [UInt8]
  {
    var options = options(recipe)
    options.threadCount = threads
    _ = try Packer.pack(options)
    return Array(try Data(contentsOf: URL(fileURLWithPath: output)))
  }

  /// Packs the folder, or a file of it, and keeps what was said.
  package func packed(
    _ file: String? = nil, _ recipe: WeightRecipe = WeightRecipe(),
    _ change: (inout PackOptions) -> Void = { _ in }
  ) throws -> (file: VialFile, warnings: [String], summary: PackSummary) {
    var options = options(recipe)
    if let file { options.sourcePath = url(file).path }
    change(&options)
    let warnings = Mutex<[String]>([])
    let summary = try Packer.pack(
      options,
      observer: PackObserver(warning: { line in warnings.withLock { $0.append(line) } }))
    let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: output)))
    return (
      try FormatReader.open(ByteRegion(copying: bytes)), warnings.withLock { $0 }, summary
    )
  }

  /// Why packing is refused, whatever was packed before; nil when it is not.
  package func refusal() -> String? {
    do {
      _ = try Packer.pack(options())
      return nil
    } catch { return error.message }
  }

  /// The message of the failure that packing must end in; nil when it succeeds, or leaves a file.
  package func failure(_ recipe: WeightRecipe = WeightRecipe()) -> String? {
    do {
      _ = try Packer.pack(options(recipe))
      return nil
    } catch {
      let left = try? FileManager.default.contentsOfDirectory(
        atPath: root.path)
      guard left == ["checkpoint"] else { return nil }
      return "\(error)"
    }
  }
}

// Checkpoints to pack in tests: the committed ones, and copies that a test may damage.

import Foundation
import Synchronization
import VialFormat
import VialPacking
import VialSystem

/// A checkpoint folder of the test's own, removed with the value.
final class Fixture {
  /// The committed checkpoints.
  static let checkpoints = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Fixtures/checkpoints")

  let folder: URL
  var output: String { folder.deletingLastPathComponent().appendingPathComponent("out.vial").path }

  /// A copy of a committed checkpoint, or an empty folder.
  init(_ name: String? = nil) throws {
    let root = FileManager.default.temporaryDirectory
      .appendingPathComponent("vial-pack-\(UUID().uuidString)")
    folder = root.appendingPathComponent("checkpoint")
    try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
    if let name {
      try FileManager.default.copyItem(
        at: Self.checkpoints.appendingPathComponent(name), to: folder)
    } else {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }
  }

  deinit { try? FileManager.default.removeItem(at: folder.deletingLastPathComponent()) }

  func url(_ file: String) -> URL { folder.appendingPathComponent(file) }

  func write(_ file: String, _ bytes: [UInt8]) throws { try Data(bytes).write(to: url(file)) }

  func bytes(_ file: String) throws -> [UInt8] { Array(try Data(contentsOf: url(file))) }

  /// Replaces text in a settings file; the text must be there.
  func edit(_ file: String, _ old: String, _ new: String) throws {
    let text = String(decoding: try bytes(file), as: UTF8.self)
    guard text.contains(old) else { throw CocoaError(.fileReadCorruptFile) }
    try write(file, Array(text.replacingOccurrences(of: old, with: new).utf8))
  }

  func options(_ recipe: WeightRecipe = WeightRecipe()) -> PackOptions {
    var options = PackOptions(sourcePath: folder.path, outputPath: output)
    options.recipe = recipe
    options.modelName = "fixture"
    return options
  }

  /// Packs the folder and opens the result.
  func pack(_ recipe: WeightRecipe = WeightRecipe(), threads: Int = 2) throws -> FileDescriptor {
    try FormatReader.open(ByteRegion(copying: packedBytes(recipe, threads: threads)))
  }

  /// Packs the folder and reads the file.
  func packedBytes(_ recipe: WeightRecipe = WeightRecipe(), threads: Int = 2) throws -> [UInt8] {
    var options = options(recipe)
    options.threadCount = threads
    _ = try Packer.pack(options)
    return Array(try Data(contentsOf: URL(fileURLWithPath: output)))
  }

  /// Packs the folder, or a file of it, and keeps what was said.
  func packed(
    _ file: String? = nil, _ recipe: WeightRecipe = WeightRecipe(),
    _ change: (inout PackOptions) -> Void = { _ in }
  ) throws -> (file: FileDescriptor, warnings: [String], summary: PackSummary) {
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

  /// The message of the failure that packing must end in; nil when it succeeds, or leaves a file.
  func failure(_ recipe: WeightRecipe = WeightRecipe()) -> String? {
    do {
      _ = try Packer.pack(options(recipe))
      return nil
    } catch {
      let left = try? FileManager.default.contentsOfDirectory(
        atPath: folder.deletingLastPathComponent().path)
      guard left == ["checkpoint"] else { return nil }
      return "\(error)"
    }
  }
}

// Owns: the folder of a checkpoint: which files it has, and their bytes, read up to named limits.
// Must not: follow names from inside the checkpoint out of the folder (the callers check them).

import Foundation

/// A checkpoint folder that exists.
struct CheckpointFolder: Sendable {
  /// Largest settings or text file that is read whole, in bytes.
  static let maximumTextByteCount = 256 << 20

  /// As the user gave it.
  let path: String

  /// Whether `path` is a file, so that it can only be a model in one file.
  static func isFile(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
      && !isFolder.boolValue
  }

  /// Checks that `path` is a folder.
  init(path: String) throws(PackingError) {
    let shown = PackingError.printable(path)
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw PackingError("\(shown): no such folder or file")
    }
    guard isFolder.boolValue else {
      throw PackingError(
        "\(shown) is no folder; give the one that holds config.json and the weights, or a GGUF file"
      )
    }
    self.path = path
  }

  private func path(of fileName: String) -> String {
    path + (path.utf8.last == UInt8(ascii: "/") ? "" : "/") + fileName
  }

  /// Whether the folder has a file (not a folder) of that name; links are followed.
  func has(_ fileName: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path(of: fileName), isDirectory: &isFolder)
      && !isFolder.boolValue
  }

  /// Names of the folder's files, sorted by their bytes; those of folders inside are left out.
  var fileNames: [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    return names.filter(has).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// Opens a file of the folder.
  func open(_ fileName: String) throws(PackingError) -> SourceFile {
    try SourceFile(path: path(of: fileName), name: fileName)
  }

  /// The bytes of a file of at most `limit` bytes.
  func read(
    _ fileName: String, limit: Int = CheckpointFolder.maximumTextByteCount
  ) throws(PackingError) -> [UInt8] {
    let file = try open(fileName)
    guard file.byteCount <= UInt64(limit) else {
      throw PackingError("\(fileName): \(file.byteCount) bytes, above the limit of \(limit)")
    }
    return try file.bytes(at: 0, count: Int(file.byteCount))
  }

  /// The bytes of a file, or nil when the folder has none of that name.
  func readIfPresent(_ fileName: String) throws(PackingError) -> [UInt8]? {
    has(fileName) ? try read(fileName) : nil
  }
}

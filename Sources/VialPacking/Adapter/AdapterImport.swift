// Owns: where adapters come from for a file that is packed already: a folder of PEFT or mlx-lm, or
// a file of adapters.
// Must not: change the file; the caller appends the sections.

public import VialFormat
import VialSystem

/// An adapter section on its way into a model's file.
public struct AdapterImport: Sendable {
  /// The adapter's name.
  public let name: String
  /// The section's id.
  public let id: UInt64
  /// The section's bytes.
  public let bytes: ByteRegion
  /// What the folder has that is not carried over, one line each.
  public private(set) var warnings: [String] = []

  /// The adapter in a folder, called `name`, for the model in `file`.
  package static func folder(
    _ path: String, name: String, base file: VialFile
  ) throws(PackingError) -> AdapterImport {
    let source = try AdapterSource(path: path, name: name, base: AdapterBase(file))
    let (id, bytes) = try source.section(base: file.modelDigest)
    return AdapterImport(name: name, id: id, bytes: bytes, warnings: source.notices.lines)
  }

  /// Whether `path` is a file, so that it can only be one of adapters.
  public static func isFile(_ path: String) -> Bool { CheckpointFolder.isFile(path) }

  /// The adapters of a file of adapters, which must be for the model in `file`.
  /// - Throws: `PackingError` with the rule that is broken: R-643 for an adapter of another model.
  package static func file(
    _ path: String, base file: VialFile
  ) throws(PackingError) -> [AdapterImport] {
    let shown = PackingError.printable(path)
    do {
      let adapters = try open(path)
      var imports: [AdapterImport] = []
      for adapter in adapters.adapters {
        try adapter.check(base: file)
        guard let bytes = adapters.storedBytes(of: adapter) else { continue }
        imports.append(
          AdapterImport(name: adapter.name, id: adapter.section.id, bytes: try bytes.privateCopy()))
      }
      return imports
    } catch let error as FormatError {
      throw PackingError("\(shown): \(error)")
    } catch {
      throw PackingError("\(error)")
    }
  }

  /// Opens a file of adapters and checks all of it.
  package static func open(_ path: String) throws -> AdapterFile {
    let mapped = try MappedFile(path: path, access: .mapped)
    return try AdapterFile(
      ByteRegion(owner: mapped, start: mapped.base, byteCount: mapped.byteCount))
  }
}

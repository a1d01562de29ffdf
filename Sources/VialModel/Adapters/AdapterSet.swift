// Owns: which adapters an opened model has, and why others of its file cannot be used.
// Must not: refuse the model because of an adapter: those who do not name it are served.

public import VialFormat

/// The adapters of a model's file.
public struct AdapterSet: Sendable {
  /// Those that fit the model, by ascending name.
  public let adapters: [Adapter]
  /// Sections that are no adapter of this model, and what is wrong with them.
  public let refused: [(id: UInt64, problem: FormatError)]

  /// Bytes that each of them takes in the lists, however these grow.
  private static let listByteCount = 512

  /// - Throws: `outOfMemory`.
  init(of file: VialFile, isVerifiedLazily: Bool) throws(FormatError) {
    let sections = file.sections.lazy.filter { $0.kind == .adapter }
    let held = Self.listByteCount * sections.count
    guard MemoryReserve.hold(held) else { throw .outOfMemory }
    defer { MemoryReserve.release(held) }
    var adapters: [Adapter] = []
    var refused: [(id: UInt64, problem: FormatError)] = []
    for section in sections {
      do throws(FormatError) {
        adapters.append(try Adapter(section, of: file, isVerifiedLazily: isVerifiedLazily))
      } catch {
        if error.isOutOfMemory { throw error }
        refused.append((section.id, error))
      }
    }
    self.adapters = adapters.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    self.refused = refused
  }

  /// The adapter of that name; nil when the file has none.
  /// - Throws: what is wrong with the one that the file has.
  public func find(_ name: String) throws(FormatError) -> Adapter? {
    if let adapter = adapters.first(where: { $0.name == name }) { return adapter }
    let id = AdapterDescriptor.sectionID(ofName: name)
    if let problem = refused.first(where: { $0.id == id })?.problem { throw problem }
    return nil
  }
}

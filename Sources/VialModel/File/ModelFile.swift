// Owns: an opened model: the mapping and its validated descriptors, joined.
// Must not: read weights, unless a caller wants all verified when it is opened. Opening maps,
// validates tables and binds; no page of weights is touched.

public import VialFormat
public import VialSystem

/// Why a model could not be opened.
public enum ModelError: Error, Sendable, CustomStringConvertible {
  /// The system refused: missing file, no permission, a directory, …
  case system(SystemError)
  /// The file breaks a rule of its format.
  case format(FormatError)

  /// One line, without any text from the file.
  public var description: String {
    switch self {
    case .system(let error): return error.description
    case .format(let error): return error.description
    }
  }
}

/// A `.vial` file in memory. Shareable between threads.
public final class ModelFile: Sendable {
  /// When bytes are compared with their digests.
  public enum Verification: String, Sendable, CaseIterable {
    /// Configuration and tensor table when the file is opened: what decides how the others are
    /// read.
    case tables
    /// Besides, tokenizer, templates and provenance when it is opened, and each chunk of the
    /// weights before it is first computed with; an adapter, before it is first used.
    case lazy
    /// Everything when it is opened, on all processors.
    case whole
  }

  /// What the file holds.
  package let descriptor: VialFile
  /// Its adapters.
  public let adapters: AdapterSet
  private let lazy: LazyVerification?

  /// Maps (or copies) and validates the file; O(sections + tensors) but for `.whole`.
  public init(
    path: String, access: MappedFile.Access = .mapped, verification: Verification = .tables
  ) throws(ModelError) {
    let file: MappedFile
    do throws(SystemError) {
      file = try MappedFile(path: path, access: access)
    } catch { throw .system(error) }
    do throws(FormatError) {
      descriptor = try FormatReader.open(
        ByteRegion(owner: file, start: file.base, byteCount: file.byteCount))
      switch verification {
      case .tables: lazy = nil
      case .whole:
        lazy = nil
        if let problem = try FileVerification(descriptor).run()?.problems.first { throw problem }
      case .lazy:
        for section in descriptor.sections where Self.isReadWhole(section.kind) {
          try descriptor.checkDigest(of: section)
        }
        lazy = try LazyVerification(descriptor)
      }
      adapters = try AdapterSet(of: descriptor, isVerifiedLazily: verification == .lazy)
    } catch { throw .format(error) }
  }

  /// Small sections that the runtime reads from the mapping.
  private static func isReadWhole(_ kind: SectionKind) -> Bool {
    [.tokenizer, .chatTemplate, .promptTemplate, .provenance].contains(kind)
  }

  /// Binds the tensors to the layers of the file's architecture.
  /// - Throws: of Spec/MODELS.md, `outOfMemory`.
  public func weights() throws(ModelError) -> DecoderWeights {
    do throws(FormatError) {
      var weights = try bind()
      weights.lazyVerification = lazy
      weights.adapters = adapters.adapters
      return weights
    } catch { throw .format(error) }
  }

  /// Bytes that binding takes for each layer.
  private static let layerByteCount = 16 << 10

  private func bind() throws(FormatError) -> DecoderWeights {
    let held = Self.layerByteCount * (descriptor.configuration.layerCount + 1)
    guard MemoryReserve.hold(held) else { throw .outOfMemory }
    defer { MemoryReserve.release(held) }
    return try DecoderBinder(descriptor).bind()
  }
}

// Owns: an opened model: the mapping and its validated descriptors, joined.
// Must not: read weights. Opening maps, validates tables and binds; no page of weights is touched.

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
  /// What the file holds.
  public let descriptor: FileDescriptor

  /// Maps (or copies) and validates the file; O(sections + tensors).
  public init(
    path: String, access: MappedFile.Access = .mapped
  ) throws(ModelError) {
    let file: MappedFile
    do throws(SystemError) {
      file = try MappedFile(path: path, access: access)
    } catch { throw .system(error) }
    do throws(FormatError) {
      descriptor = try FormatReader.open(
        ByteRegion(owner: file, start: file.base, byteCount: file.byteCount))
    } catch { throw .format(error) }
  }

  /// Binds the tensors to the layers of the file's architecture.
  /// - Throws: of Spec/MODELS.md.
  public func weights() throws(ModelError) -> DecoderWeights {
    do throws(FormatError) {
      switch descriptor.configuration.architecture {
      case Qwen2.name: return try Qwen2.bind(descriptor)
      case Llama.name: return try Llama.bind(descriptor)
      default:
        throw FormatError(
          rule: 701, offset: 0, context: "configuration", "this architecture is not known")
      }
    } catch { throw .format(error) }
  }
}

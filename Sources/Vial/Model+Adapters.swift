// Owns: choosing an adapter of a model by its name.
// Must not: put a name into an error: the caller knows it.

public import VialFormat
public import VialModel

extension Model {
  /// Most that a request may multiply an adapter's scales by, and least as a negative number.
  public static let adapterScaleLimit: Float = 100

  /// The adapters that requests may use, by ascending name.
  public var adapters: [Adapter] { adapterSet.adapters }

  /// What is wrong with the adapters of the file that are of no use. They do not keep the model
  /// from being used.
  public var refusedAdapters: [FormatError] { adapterSet.refused.map(\.problem) }

  /// The adapter of that name, with a factor for its scales.
  ///
  /// A file that is verified lazily has the adapter's bytes held against their digest here, at the
  /// first use.
  /// - Throws: `unknownAdapter`; the broken rule when the file's adapter of that name is of no use;
  ///   `invalidOption`.
  public func adapter(named name: String, scale: Float = 1) throws(VialError) -> AppliedAdapter {
    guard abs(scale) <= Self.adapterScaleLimit else {
      throw .invalidOption("an adapter's scale must be from -100 to 100")
    }
    do throws(FormatError) {
      if let adapter = try adapterSet.find(name) { return try adapter.applied(scale: scale) }
    } catch { throw VialError(error) }
    throw .unknownAdapter
  }

  /// Refuses an adapter of another model, whose shapes may be others.
  package func check(_ applied: AppliedAdapter?) throws(VialError) {
    guard let applied else { return }
    guard adapters.contains(where: { $0 === applied.adapter }) else {
      throw .invalidOption("the adapter is not one of this model")
    }
  }
}

// Owns: the adapters of a pack: read and refused before the output is opened; one of them may go
// into the weights.
// Must not: write.

import VialFormat

/// What a pack does with its adapters.
struct PackAdapters: Sendable {
  /// Those that get sections, in the order given.
  private(set) var sources: [AdapterSource] = []
  /// The one that is merged into the weights.
  private(set) var merged: AdapterSource?
  /// What they say that is not carried over.
  private(set) var notices = PackNotices()

  /// - Parameter weights: the base's own weights; nil when there are none to compare with.
  init(
    _ options: PackOptions, plan: TensorPlan, of configuration: CheckpointConfiguration,
    weights: TensorSources?
  ) throws(PackingError) {
    let base = AdapterBase(plan, of: configuration, weights: weights)
    var names = Set<String>()
    for adapter in options.adapters {
      guard names.insert(adapter.name).inserted else {
        throw PackingError("two adapters are called \(PackingError.printable(adapter.name))")
      }
      let source: AdapterSource
      do throws(PackingError) {
        source = try AdapterSource(path: adapter.path, name: adapter.name, base: base)
      } catch {
        throw PackingError("adapter \(PackingError.printable(adapter.name)): \(error.message)")
      }
      notices += source.notices
      if adapter.name == options.mergedAdapter { merged = source } else { sources.append(source) }
    }
    if let name = options.mergedAdapter, merged == nil {
      throw PackingError(
        "--merge names \(PackingError.printable(name)), which no --adapter NAME=FOLDER gives")
    }
  }

  /// Puts the merged adapter into the rows of its targets.
  func merge(into tensors: inout TensorSources) throws(PackingError) {
    guard let merged else { return }
    for module in merged.modules {
      let name = module.name + AdapterBase.weightSuffix
      guard let index = tensors.tensors.firstIndex(where: { $0.planned.name == name }) else {
        throw PackingError("\(name): not a tensor of the model")
      }
      guard !tensors.tensors[index].keepsSource else {
        throw PackingError(
          "\(name) is quantised already; give --weights to decode it, merge and encode it anew")
      }
      tensors.tensors[index].rows = MergedRows(
        tensors.tensors[index].rows, module, isRankStabilised: merged.isRankStabilised)
    }
    tensors.files += merged.files
  }
}

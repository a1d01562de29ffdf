// Owns: what `config.json` says about windows: which layers see only the last positions, and how
// many.
// Must not: let pass a layer type that is not computed, or take a key that the class does not read.
// Source: the configuration classes of transformers 5.23.

import VialArchitectures
import VialText

/// The windows of a parsed `config.json`.
struct WindowSettings {
  /// Whether each layer is one of sliding attention, be its window as long as the context.
  let isSliding: [Bool]
  /// The window of each layer, 0 for one that sees everything; nil when all do.
  let windows: [Int]?
  /// What is read otherwise than it stands there.
  private(set) var notices = PackNotices()

  /// - Parameters:
  ///   - contextLength: positions that the model is for; a window that long hides nothing.
  ///   - isRotated: which layers rotate queries and keys; nil: all.
  init(
    _ settings: Settings, _ architecture: Architecture, layerCount: Int, contextLength: Int,
    isRotated: [Bool]?
  ) throws(PackingError) {
    let reader = WindowReader(
      settings: settings, architecture: architecture, layerCount: layerCount,
      isRotated: isRotated ?? Array(repeating: true, count: layerCount))
    let stated = try reader.layerTypes()
    let window = try reader.window()
    isSliding = try reader.sliding(stated, window)
    let length = window ?? 0
    let hides = isSliding.contains(true) && length < contextLength
    windows = hides ? isSliding.map { $0 ? length : 0 } : nil
    if architecture.settings.windows == .all, let stated, stated != isSliding,
      hides || window == nil
    {
      let sight = window.map { "the last \($0) positions" } ?? "all positions"
      notices.differs(
        "\(settings.fileName): layer_types is not read by \(architecture.className); every layer sees"
          + " \(sight), as in transformers")
    }
  }
}

/// The keys about windows.
private struct WindowReader {
  let settings: Settings
  let architecture: Architecture
  let layerCount: Int
  let isRotated: [Bool]

  private var known: SettingsTraits { architecture.settings }

  /// `layer_types`: whether each layer is one of sliding attention; nil without the key.
  func layerTypes() throws(PackingError) -> [Bool]? {
    let types = try settings.strings("layer_types")
    guard !types.isEmpty else { return nil }
    guard types.count == layerCount else {
      throw settings.error(
        "layer_types has \(types.count) entries, the model \(layerCount) layers")
    }
    let supported =
      known.windows == .none ? ["full_attention"] : ["full_attention", "sliding_attention"]
    for type in types where !supported.contains(type) {
      let names = supported.joined(separator: " and ")
      throw settings.error(
        "layer_types has \(PackingError.printable(type)), only \(names)"
          + " \(supported.count == 1 ? "is" : "are") supported")
    }
    return types.map { $0 == "sliding_attention" }
  }

  /// `sliding_window`, or the class's own where nothing is said; nil for none.
  func window() throws(PackingError) -> Int? {
    guard known.windows != .none else { return nil }
    let stated = try settings.size("sliding_window", upTo: 1 << 30)
    return settings.states("sliding_window") ? stated : known.slidingWindow
  }

  /// Which layers are of sliding attention.
  func sliding(_ stated: [Bool]?, _ window: Int?) throws(PackingError) -> [Bool] {
    switch known.windows {
    case .none:
      if try isFlagged() {
        throw settings.error("use_sliding_window is true, which is not supported")
      }
      return all { _ in false }
    case .all: return all { _ in window != nil }
    case .later(let usual):
      let first = try firstWindowedLayer(usual)
      return try flagged(stated, window, all { $0 >= first })
    case .unrotated: return try flagged(stated, window, isRotated.map { !$0 })
    case .allBut(let usual, let isStated):
      let period = isStated ? try settings.size("sliding_window_pattern", upTo: 1 << 20) : nil
      let sliding = stated ?? all { ($0 + 1) % (period ?? usual) != 0 }
      guard window != nil || !sliding.contains(true) else {
        throw settings.error("sliding_window is null, but there are layers of sliding attention")
      }
      return sliding
    }
  }

  private func all(_ isSliding: (Int) -> Bool) -> [Bool] { (0..<layerCount).map(isSliding) }

  private func isFlagged() throws(PackingError) -> Bool {
    try settings.flag("use_sliding_window") == true
  }

  /// Classes whose windows count only with `use_sliding_window`.
  private func flagged(
    _ stated: [Bool]?, _ window: Int?, _ usual: [Bool]
  ) throws(PackingError) -> [Bool] {
    if try isFlagged(), window != nil { return stated ?? usual }
    guard stated?.contains(true) != true else {
      throw settings.error(
        "layer_types has sliding_attention, but use_sliding_window is not true, or sliding_window"
          + " null")
    }
    return all { _ in false }
  }

  /// `max_window_layers`, the first layer with a window, which may be 0.
  private func firstWindowedLayer(_ usual: Int) throws(PackingError) -> Int {
    guard let value = settings.value("max_window_layers") else { return usual }
    guard let first = value.integer.flatMap({ Int(exactly: $0) }), first >= 0 else {
      throw settings.error("max_window_layers is not a whole number of at least 0")
    }
    return first
  }
}

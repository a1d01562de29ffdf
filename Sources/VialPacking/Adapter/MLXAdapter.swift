// Owns: the reading of a LoRA adapter as mlx-lm saves it: adapter_config.json and
// adapters.safetensors, with lora_a [inputs, rank] and lora_b [rank, outputs].
// Must not: hold a matrix against the base; `AdapterSource` does.
// Source: mlx-lm, `tuner/lora.py` (y = W·x + scale · (x·a)·b) and `tuner/utils.py`.

import VialText

/// An mlx-lm adapter.
struct MLXAdapter {
  static let weightsName = "adapters.safetensors"

  private(set) var modules: [AdapterModule] = []
  let files: [SourceFile]

  init(
    _ folder: CheckpointFolder, _ settings: Settings, base: AdapterBase
  ) throws(PackingError) {
    if let kind = try settings.string("fine_tune_type"), kind != "lora" {
      throw settings.error(
        "fine_tune_type \(PackingError.printable(kind)) is not supported, only lora")
    }
    guard let parameters = try settings.object("lora_parameters") else {
      throw settings.error("no lora_parameters")
    }
    guard let scale = try parameters.number("scale") else { throw parameters.error("no scale") }
    let rank = try parameters.requiredSize("rank", upTo: 1024)
    let first = try Self.firstLayer(settings, base)
    let file = try folder.open(Self.weightsName)
    files = [try folder.open(PEFTAdapter.configName), file]
    var pairs: [String: (a: AdapterMatrix?, b: AdapterMatrix?)] = [:]
    for entry in try TensorIndex.header(of: file).entries {
      let name = entry.name.text
      let isA = name.hasSuffix(".lora_a")
      guard isA || name.hasSuffix(".lora_b") else {
        throw PackingError(
          "\(file.name): \(PackingError.printable(name)) is no lora_a or lora_b of a linear layer")
      }
      let spelled = String(name.dropLast(7))
      let module = base.isOfWrapper ? WrapperNames.plain(spelled) : spelled
      guard base.modules[module] != nil, AdapterBase.layer(of: module) ?? .max >= first else {
        throw PackingError(
          "\(file.name): \(PackingError.printable(module)) is no linear layer that num_layers leaves to the adapter"
        )
      }
      let matrix = try AdapterMatrix(
        TensorIndex.Location(file: file, entry: entry), isTransposed: true)
      if isA {
        pairs[module, default: (nil, nil)].a = matrix
      } else {
        pairs[module, default: (nil, nil)].b = matrix
      }
    }
    for name in pairs.keys.sorted() {
      guard let a = pairs[name]?.a, let b = pairs[name]?.b else {
        throw PackingError("\(file.name): no lora_a or no lora_b for \(name)")
      }
      guard a.rowCount == rank else {
        throw PackingError(
          "\(file.name): \(name) has rank \(a.rowCount), but \(PEFTAdapter.configName) says \(rank)"
        )
      }
      modules.append(AdapterModule(name: name, alpha: scale * Double(rank), a: a, b: b))
    }
  }

  /// The first layer that has an adapter: the last `num_layers` do, all when it is -1 or not given.
  private static func firstLayer(
    _ settings: Settings, _ base: AdapterBase
  ) throws(PackingError) -> Int {
    let value = settings.value("num_layers") ?? settings.value("lora_layers")
    guard let value else { return 0 }
    guard let count = value.integer.flatMap({ Int(exactly: $0) }), count >= -1 else {
      throw settings.error("num_layers is not a whole number")
    }
    return count == -1 ? 0 : max(0, base.layerCount - count)
  }
}

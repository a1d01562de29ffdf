// Owns: the reading of a LoRA adapter as the PEFT library saves it: adapter_config.json and
// adapter_model.safetensors.
// Must not: accept a setting that would make the adapter something else than W + scale · B·A.
// Source: peft 0.21, `LoraConfig`.

import VialText

/// A PEFT adapter.
struct PEFTAdapter {
  static let configName = "adapter_config.json"
  static let weightsName = "adapter_model.safetensors"
  private static let prefix = "base_model.model."

  let isRankStabilised: Bool
  private(set) var modules: [AdapterModule] = []
  let files: [SourceFile]
  /// What is not carried over.
  private(set) var notices = PackNotices()

  init(
    _ folder: CheckpointFolder, _ settings: Settings, base: AdapterBase
  ) throws(PackingError) {
    try Self.checkKind(settings)
    isRankStabilised = try settings.flag("use_rslora") ?? false
    var targets = try PEFTTargets(settings, base: base)
    let file = try folder.open(Self.weightsName)
    files = [try folder.open(Self.configName), file]
    notices = targets.notices
    var pairs: [String: (a: AdapterMatrix?, b: AdapterMatrix?)] = [:]
    var others: [String] = []
    for entry in try TensorIndex.header(of: file).entries {
      let location = TensorIndex.Location(file: file, entry: entry)
      if try leavesOutCopy(location, base) { continue }
      guard let (spelled, isA) = try Self.part(location, settings) else { continue }
      if base.isOfWrapper, WrapperNames.otherPart(of: spelled) != nil {
        others.append(spelled)
        continue
      }
      let module = base.isOfWrapper ? WrapperNames.plain(spelled) : spelled
      guard base.modules[module] != nil else {
        throw PackingError(
          "\(file.name): \(PackingError.printable(module)) is no linear layer of the base")
      }
      guard targets.modules.contains(module) else {
        throw PackingError(
          "\(file.name): \(PackingError.printable(module)) is not among the target_modules of \(Self.configName)"
        )
      }
      let matrix = try AdapterMatrix(location, isTransposed: false)
      if isA {
        pairs[module, default: (nil, nil)].a = matrix
      } else {
        pairs[module, default: (nil, nil)].b = matrix
      }
    }
    if let line = WrapperNames.notice(others) { notices.omits(line, count: others.count) }
    for name in targets.modules.sorted() {
      guard let a = pairs[name]?.a, let b = pairs[name]?.b else {
        throw PackingError("\(file.name): no lora_A or no lora_B for \(name)")
      }
      let rank = try targets.rank(of: name)
      guard a.rowCount == rank else {
        throw PackingError(
          "\(file.name): \(name) has rank \(a.rowCount), but \(Self.configName) says \(rank)")
      }
      modules.append(AdapterModule(name: name, alpha: try targets.alpha(of: name), a: a, b: b))
    }
  }

  /// Whether a tensor is a copy of the base's, which PEFT saves beside the adapter of an embedding
  /// or a head; one that differs from the base is another base.
  private mutating func leavesOutCopy(
    _ location: TensorIndex.Location, _ base: AdapterBase
  ) throws(PackingError) -> Bool {
    let name = location.entry.name.text
    let shown = PackingError.printable(name)
    guard name.hasPrefix(Self.prefix) else { return false }
    var own = String(name.dropFirst(Self.prefix.count))
    if base.isOfWrapper { own = WrapperNames.plain(own) }
    let marker = ".base_layer.weight"
    if own.hasSuffix(marker) {
      own = own.dropLast(marker.utf8.count) + AdapterBase.weightSuffix
    } else if own != FolderWeights.embeddingName && own != FolderWeights.headName {
      return false
    }
    switch try base.hasEqual(location, to: own) {
    case true?:
      notices.omits("\(shown) is a copy of the base's tensor; left out")
    case false?:
      throw PackingError(
        "\(location.file.name): \(shown) differs from the base's tensor: the adapter was made for another base, or"
          + " trains that tensor as a whole, which is not supported")
    case nil:
      notices.omits(
        "\(shown) is taken for a copy of the base's tensor, which cannot be compared here; left out"
      )
    }
    return true
  }

  /// Settings that change what is computed, and that this reader does not carry over.
  private static func checkKind(_ settings: Settings) throws(PackingError) {
    if let kind = try settings.string("peft_type"), kind != "LORA" {
      throw settings.error("peft_type \(PackingError.printable(kind)) is not supported, only LORA")
    }
    let flags = [
      ("use_dora", "DoRA (use_dora)"), ("fan_in_fan_out", "fan_in_fan_out"),
      ("use_qalora", "QALoRA (use_qalora)"), ("use_bdlora", "use_bdlora"),
    ]
    for (key, label) in flags where settings.has(key) {
      // A setting may be an object in later versions; whatever is not false changes the adapter.
      if settings.value(key)?.bool ?? true { throw settings.error("\(label) is not supported") }
    }
    for key in [
      "modules_to_save", "trainable_token_indices", "target_parameters", "layer_replication",
      "alora_invocation_tokens", "arrow_config", "kasa_config", "velora_config",
      "monteclora_config",
    ] where settings.has(key) {
      if settings.value(key)?.array?.isEmpty ?? false { continue }
      throw settings.error("\(key) is not supported")
    }
    if let start = settings.value("init_lora_weights")?.text {
      guard ["gaussian", "eva", "orthogonal"].contains(start) else {
        throw settings.error(
          "init_lora_weights \(PackingError.printable(start)) changes the base's weights; convert the adapter with"
            + " peft first (path_initial_model_for_weight_conversion)")
      }
    }
  }

  /// The module of a tensor and whether it is A; nil for one that changes nothing.
  private static func part(
    _ location: TensorIndex.Location, _ settings: Settings
  ) throws(PackingError) -> (module: String, isA: Bool)? {
    let name = location.entry.name.text
    let shown = PackingError.printable(name)
    for (ending, isA) in [
      (".lora_A.weight", true), (".lora_B.weight", false), (".lora_A.default.weight", true),
      (".lora_B.default.weight", false),
    ] where name.hasPrefix(prefix) && name.hasSuffix(ending) {
      return (String(name.dropFirst(prefix.count).dropLast(ending.count)), isA)
    }
    if name.hasSuffix("lora_B.bias"), try isZero(location) { return nil }
    if name.contains("lora_embedding_") {
      throw PackingError(
        "\(location.file.name): \(shown) adapts the embedding, which is not supported")
    }
    if name.hasSuffix(".bias") || name.hasSuffix(".bias.weight") {
      let bias = try settings.string("bias").map(PackingError.printable) ?? "none"
      throw PackingError(
        "\(location.file.name): \(shown) is a trained bias (bias \"\(bias)\"), which is not supported"
      )
    }
    throw PackingError("\(location.file.name): \(shown) is no lora_A or lora_B of a linear layer")
  }

  private static func isZero(_ location: TensorIndex.Location) throws(PackingError) -> Bool {
    let entry = location.entry
    guard entry.byteCount <= 1 << 26 else { return false }
    let bytes = try location.file.bytes(at: entry.fileOffset, count: Int(entry.byteCount))
    return bytes.allSatisfy { $0 == 0 }
  }
}

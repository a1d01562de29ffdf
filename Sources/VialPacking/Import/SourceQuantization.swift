// Owns: what a checkpoint says about its own quantisation (`quantization_config` in config.json, or
// the older quantize_config.json of GPTQ and quant_config.json of AWQ), and the refusals of what is
// not read, by name.
// Must not: look at tensors; `PackedLinear` compares them with what is said here.

import VialText

/// The quantisation that a checkpoint claims for its linear layers.
struct SourceQuantization: Sendable {
  /// How words are laid out.
  enum Layout: Sendable, Equatable {
    /// AutoGPTQ's and GPTQModel's; `zeroOffset` is what a stored zero point lacks (1 in v1, 0 in
    /// v2).
    case gptq(zeroOffset: UInt8)
    /// AutoAWQ's `gemm`.
    case awq
    /// compressed-tensors' `pack-quantized`.
    case compressedTensors
  }

  var layout: Layout
  /// Inputs that share a scale; nil when a whole row does.
  var group: Int?
  /// Whether every zero point is 8; nil when the settings do not say.
  var isSymmetric: Bool?
  /// Whether groups may be made of inputs that do not stand together (act-order).
  var reordersInputs: Bool
  /// Whether the output head is quantised, too.
  var includesHead = false
  /// Modules that stay as they were: names, parts of names, or patterns.
  var excludedModules = ModuleList()
  /// Modules that are quantised, where the settings list them.
  var targets: ModuleList?
  /// What is read otherwise than it stands there.
  var notices = PackNotices()

  /// The method's name.
  var name: String {
    switch layout {
    case .gptq: return "gptq"
    case .awq: return "awq"
    case .compressedTensors: return "compressed-tensors"
    }
  }

  /// The settings in one line, for provenance.
  var summary: String {
    let group = group.map(String.init) ?? "whole row"
    let version = layout == .gptq(zeroOffset: 0) ? " v2" : ""
    let symmetric = isSymmetric.map { ", symmetric \($0)" } ?? ""
    return "\(name)\(version), bits 4, group \(group), act-order \(reordersInputs)\(symmetric)"
  }

  /// Whether the settings leave a module as it was.
  func excludes(_ module: String) throws(PackingError) -> Bool {
    if layout != .compressedTensors {
      return module == "lm_head" ? !includesHead : excludedModules.containsPart(of: module)
    }
    if try excludedModules.matches(module) { return true }
    return try targets?.matches(module) == false
  }

  /// Reads what the folder says; nil when the checkpoint is not quantised.
  static func read(
    _ folder: CheckpointFolder, config: Settings
  ) throws(PackingError) -> SourceQuantization? {
    var inside = try config.object("quantization_config")
    if inside == nil { inside = try config.object("compression_config") }
    if inside?.has("quant_method") != true,
      let settings = try config.object("quantization"),
      settings.has("bits"), settings.has("group_size")
    {
      throw config.error(
        "the checkpoint is quantised by MLX (mlx-lm), which is not read; pack the one that it was made from"
      )
    }
    var found = try inside.map { settings throws(PackingError) in
      try SourceQuantization(settings, method: nil)
    }
    for (fileName, method) in [("quantize_config.json", "gptq"), ("quant_config.json", "awq")] {
      guard let bytes = try folder.readIfPresent(fileName) else { continue }
      let settings = try Settings(parsing: bytes, fileName: fileName)
      var beside = try SourceQuantization(settings, method: method)
      beside.notices += settings.notices
      if let found, !found.agrees(with: beside) {
        throw PackingError(
          "config.json and \(fileName) contradict each other: \(found.summary); \(beside.summary)")
      }
      found = found ?? beside
    }
    return found
  }

  private func agrees(with other: SourceQuantization) -> Bool {
    layout == other.layout && group == other.group && reordersInputs == other.reordersInputs
      && (isSymmetric == other.isSymmetric || isSymmetric == nil || other.isSymmetric == nil)
  }

  /// Reads one settings object; `method` is what a file without `quant_method` means.
  private init(_ settings: Settings, method: String?) throws(PackingError) {
    switch try settings.string("quant_method") ?? method {
    case "gptq": self = try Self.gptq(settings)
    case "awq": self = try Self.awq(settings)
    case "compressed-tensors": self = try Self.compressedTensors(settings)
    case let other?:
      throw settings.error(
        "the checkpoint is already quantised by \(PackingError.printable(other)), which is not read"
          + " (gptq, awq, compressed-tensors are); pack the original one")
    case nil:
      throw settings.error(
        "the checkpoint is already quantised, but quant_method does not say how; MLX's (mlx-lm) say nothing, and"
          + " are not read"
      )
    }
  }

  private init(layout: Layout, group: Int?, isSymmetric: Bool?, reordersInputs: Bool) {
    self.layout = layout
    self.group = group
    self.isSymmetric = isSymmetric
    self.reordersInputs = reordersInputs
  }
}

// MARK: The three formats

extension SourceQuantization {
  private static func gptq(_ settings: Settings) throws(PackingError) -> SourceQuantization {
    try requireFourBits(settings, "bits")
    let zeroOffset: UInt8
    switch try settings.string("checkpoint_format") ?? "gptq" {
    case "gptq": zeroOffset = 1
    case "gptq_v2": zeroOffset = 0
    case let other:
      throw settings.error(
        "checkpoint_format \(PackingError.printable(other)) is not read (gptq, gptq_v2)")
    }
    try require(settings, "pack_dtype", "int32")
    if try settings.flag("is_marlin_format") == true {
      throw settings.error("is_marlin_format is true, which is not read")
    }
    if let dynamic = try settings.object("dynamic"), !dynamic.allMembers.isEmpty {
      throw settings.error("dynamic gives modules settings of their own, which is not read")
    }
    var found = SourceQuantization(
      layout: .gptq(zeroOffset: zeroOffset), group: try group(settings, "group_size"),
      isSymmetric: try settings.flag("sym"),
      reordersInputs: try settings.flag("desc_act") ?? false)
    found.includesHead = try settings.flag("lm_head") ?? false
    return found
  }

  private static func awq(_ settings: Settings) throws(PackingError) -> SourceQuantization {
    try requireFourBits(settings, settings.has("bits") ? "bits" : "w_bit")
    let version = try settings.string("version") ?? "gemm"
    guard version.lowercased() == "gemm" else {
      throw settings.error("version \(PackingError.printable(version)) is not read, only gemm")
    }
    try require(settings, "backend", "autoawq")
    if try settings.flag("zero_point") == false {
      throw settings.error("zero_point is false, which is not read")
    }
    var found = SourceQuantization(
      layout: .awq,
      group: try group(settings, settings.has("group_size") ? "group_size" : "q_group_size"),
      isSymmetric: nil, reordersInputs: false)
    found.excludedModules = ModuleList(
      try settings.strings("modules_to_not_convert"), key: "modules_to_not_convert")
    return found
  }

  private static func compressedTensors(
    _ settings: Settings
  ) throws(PackingError) -> SourceQuantization {
    try require(settings, "format", "pack-quantized")
    for key in ["kv_cache_scheme", "transform_config"] {
      if let scheme = try settings.object(key), !scheme.allMembers.isEmpty {
        throw settings.error("\(key) is not read")
      }
    }
    if let sparsity = try settings.object("sparsity_config") {
      try require(sparsity, "format", "dense")
    }
    guard let groups = try settings.object("config_groups"), groups.allMembers.count == 1,
      let scheme = try groups.object(groups.allMembers[0].key.text)
    else { throw settings.error("config_groups is not one group of modules") }
    let targets = try scheme.strings("targets")
    guard !targets.isEmpty else { throw scheme.error("no targets") }
    if scheme.has("input_activations") || scheme.has("output_activations") {
      throw scheme.error("activations are quantised; only w4a16 is read")
    }
    guard let weights = try scheme.object("weights") else { throw scheme.error("no weights") }
    var found = try compressedWeights(weights)
    found.excludedModules = ModuleList(try settings.strings("ignore"), key: "ignore")
    found.targets = ModuleList(targets, key: "targets")
    return found
  }

  private static func compressedWeights(
    _ weights: Settings
  ) throws(PackingError) -> SourceQuantization {
    try requireFourBits(weights, "num_bits")
    try require(weights, "type", "int")
    let group: Int?
    switch try weights.string("strategy") {
    case "group": group = try self.group(weights, "group_size")
    case "channel": group = nil
    case let other:
      throw weights.error(
        "strategy \(PackingError.printable(other ?? "null")) is not read (group, channel)")
    }
    // "weight" and "static" choose values in another order, but store them as they stand.
    let order = weights.value("actorder")
    return SourceQuantization(
      layout: .compressedTensors, group: group,
      isSymmetric: try weights.flag("symmetric") ?? true,
      reordersInputs: order?.text == "group" || order?.bool == true)
  }

  private static func require(
    _ settings: Settings, _ key: String, _ wanted: String
  ) throws(PackingError) {
    guard let value = try settings.string(key), value != wanted else { return }
    throw settings.error("\(key) \(PackingError.printable(value)) is not read, only \(wanted)")
  }

  private static func requireFourBits(_ settings: Settings, _ key: String) throws(PackingError) {
    let bits = try settings.requiredSize(key, upTo: 64)
    guard bits == 4 else {
      throw settings.error("\(key) is \(bits); only 4-bit checkpoints are read")
    }
  }

  /// A group size; -1 is a whole row.
  private static func group(_ settings: Settings, _ key: String) throws(PackingError) -> Int? {
    if settings.value(key)?.integer == -1 { return nil }
    return try settings.requiredSize(key, upTo: 1 << 20)
  }
}

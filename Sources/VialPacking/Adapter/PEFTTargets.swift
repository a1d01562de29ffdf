// Owns: which linear layers a PEFT adapter is for, with which rank and alpha: adapter_config.json
// against the base.
// Must not: look at tensors.
// Source: peft 0.21, `check_target_module_exists`, `get_pattern_key`.

import VialText

/// The targets of an adapter_config.json.
struct PEFTTargets {
  private let settings: Settings
  private let rank: Int
  private let alpha: Double
  private let ranks: [(pattern: ModulePattern, value: JSONValue)]
  private let alphas: [(pattern: ModulePattern, value: JSONValue)]
  private var budget: ModulePattern.MatchBudget
  private let base: AdapterBase
  /// Names of the modules that it is for.
  let modules: Set<String>
  /// Targets that the base has not.
  private(set) var notices = PackNotices()

  init(_ settings: Settings, base: AdapterBase) throws(PackingError) {
    self.settings = settings
    self.base = base
    rank = try settings.requiredSize("r", upTo: 1024)
    guard let alpha = try settings.number("lora_alpha") else {
      throw settings.error("no lora_alpha")
    }
    self.alpha = alpha
    ranks = try Self.patterns("rank_pattern", settings)
    alphas = try Self.patterns("alpha_pattern", settings)
    guard let wanted = settings.value("target_modules") else {
      throw settings.error("no target_modules")
    }
    var budget = ModulePattern.MatchBudget()
    var nowhere: [String] = []
    var found = try Self.matching(
      wanted, "target_modules", settings, base, &budget, nowhere: &nowhere)
    guard !found.isEmpty else {
      throw settings.error("target_modules matches no linear layer of the base")
    }
    notices.omits(
      nowhere,
      {
        "\(settings.fileName): the target \(PackingError.printable($0)) is no linear layer of the base; left"
          + " out, as in peft"
      }, kind: "targets")
    if let layers = settings.value("layers_to_transform") {
      found = try Self.inLayers(layers, found, settings)
    }
    if let excluded = settings.value("exclude_modules") {
      found.subtract(
        try Self.matching(
          excluded, "exclude_modules", settings, base, &budget, nowhere: &nowhere))
    }
    modules = found
    self.budget = budget
  }

  private static func patterns(
    _ key: String, _ settings: Settings
  ) throws(PackingError) -> [(pattern: ModulePattern, value: JSONValue)] {
    guard let object = try settings.object(key) else { return [] }
    var patterns: [(pattern: ModulePattern, value: JSONValue)] = []
    for member in object.allMembers {
      let name = member.key.text
      let pattern = try ModulePattern(
        "(.*\\.)?(\(name))", key: key, isName: ModulePattern.isName(name))
      patterns.append((pattern, member.value))
    }
    return patterns
  }

  /// A name, a list of names (or their ends), or an expression. A name that is nowhere is only
  /// listed.
  private static func matching(
    _ value: JSONValue, _ key: String, _ settings: Settings, _ base: AdapterBase,
    _ budget: inout ModulePattern.MatchBudget, nowhere: inout [String]
  ) throws(PackingError) -> Set<String> {
    if let text = value.text {
      if text == "all-linear" { return Set(base.names).subtracting([AdapterBase.head]) }
      let pattern = try ModulePattern(text, key: key)
      var found = Set<String>()
      for name in base.names {
        for spelled in base.spellings(name) where try pattern.matches(spelled, &budget) {
          found.insert(name)
          break
        }
      }
      return found
    }
    guard let list = value.array else { throw settings.error("\(key) is not a list or a string") }
    var found = Set<String>()
    for element in list {
      guard let name = element.text else { throw settings.error("\(key) is not a list of strings") }
      let ending = base.names.filter { own in
        base.spellings(own).contains { $0 == name || $0.hasSuffix(".\(name)") }
      }
      if ending.isEmpty { nowhere.append(name) }
      found.formUnion(ending)
    }
    return found
  }

  private static func inLayers(
    _ value: JSONValue, _ modules: Set<String>, _ settings: Settings
  ) throws(PackingError) -> Set<String> {
    var layers = Set<Int>()
    for element in value.array ?? [value] {
      guard let layer = element.integer.flatMap({ Int(exactly: $0) }) else {
        throw settings.error("layers_to_transform is not a list of whole numbers")
      }
      layers.insert(layer)
    }
    let names =
      try settings.value("layers_pattern")?.array == nil
      ? [settings.string("layers_pattern")].compactMap { $0 } : settings.strings("layers_pattern")
    guard names.isEmpty || names.contains("layers") else {
      throw settings.error("layers_pattern does not name \"layers\", which is what the base has")
    }
    // As in peft, an empty list is none.
    guard !layers.isEmpty else { return modules }
    return modules.filter { AdapterBase.layer(of: $0).map { layers.contains($0) } ?? false }
  }

  /// The rank that the settings give a module.
  mutating func rank(of module: String) throws(PackingError) -> Int {
    guard let value = try Self.value(for: base.spellings(module), in: ranks, &budget) else {
      return rank
    }
    guard let own = value.integer.flatMap({ Int(exactly: $0) }) else {
      throw settings.error("a rank in rank_pattern is not a whole number")
    }
    return own
  }

  /// The alpha that they give it.
  mutating func alpha(of module: String) throws(PackingError) -> Double {
    guard let value = try Self.value(for: base.spellings(module), in: alphas, &budget) else {
      return alpha
    }
    guard let own = value.number else {
      throw settings.error("an alpha in alpha_pattern is not a number")
    }
    return own
  }

  private static func value(
    for spellings: [String], in patterns: [(pattern: ModulePattern, value: JSONValue)],
    _ budget: inout ModulePattern.MatchBudget
  ) throws(PackingError) -> JSONValue? {
    for (pattern, value) in patterns {
      for name in spellings where try pattern.matches(name, &budget) { return value }
    }
    return nil
  }
}

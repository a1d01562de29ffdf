// Owns: the linear layers that an adapter may change, by module name, with their shapes, of a plan
// or of a packed file, those that checkpoints have in one matrix included; where they can be had,
// also the base's own weights, to compare copies with.
// Must not: keep weights.

import VialArchitectures
import VialFormat

/// What an adapter's targets are held against.
struct AdapterBase: Sendable {
  /// Outputs and inputs of a linear layer.
  struct Shape: Sendable, Equatable {
    var outputs: Int
    var inputs: Int
  }

  /// A layer whose rows are some of a larger matrix's.
  struct Part: Sendable {
    var name: String
    var rows: Range<Int>
  }

  /// By module name, such as `model.layers.0.self_attn.q_proj`.
  private(set) var modules: [String: Shape] = [:]
  /// The layers of matrices that the checkpoint has, and the model apart, by module name.
  private var parts: [String: [Part]] = [:]
  /// Layers of the model.
  let layerCount: Int
  /// Whether it may be the text part of a model that sees images, whose names adapters then have.
  let isOfWrapper: Bool
  /// The base's tensors as the source has them, by name; nil when there are none to compare with.
  private var weights: [String: SourcedTensor]?

  /// The suffix that makes a module's name its weight's.
  static let weightSuffix = ".weight"
  private static let embedding = "model.embed_tokens.weight"
  static let head = "lm_head"

  /// The linear layers of a model that is going to be packed.
  /// - Parameter weights: the source's own, where it has some.
  init(
    _ plan: TensorPlan, of configuration: CheckpointConfiguration, weights: TensorSources?
  ) {
    layerCount = configuration.layerCount
    isOfWrapper = configuration.architecture.wrapperName != nil
    self.weights = weights.map { sources in
      Dictionary(sources.tensors.map { ($0.planned.name, $0) }) { first, _ in first }
    }
    for tensor in plan.tensors where tensor.role == .linear || tensor.role == .head {
      add(tensor.name, outputs: tensor.rowCount, inputs: tensor.columnCount)
      addFused(tensor)
    }
  }

  /// The linear layers of a packed model.
  init(_ file: VialFile) {
    layerCount = file.configuration.layerCount
    let architecture = Architecture.named(file.configuration.architecture)
    isOfWrapper = architecture?.wrapperName != nil
    for index in 0..<file.tensors.count {
      let tensor = file.tensors[index]
      guard tensor.shape.rank == 2, tensor.name != Self.embedding else { continue }
      add(tensor.name, outputs: tensor.shape[0], inputs: tensor.shape[1])
    }
    guard let architecture else { return }
    for tensor in architecture.tensors(ArchitectureSizes(file.configuration))
    where tensor.rule.role == .linear {
      addFused(PlannedTensor(tensor, traits: architecture.traits))
    }
  }

  private mutating func addFused(_ tensor: PlannedTensor) {
    guard let fused = tensor.fused else { return }
    add(fused.name, outputs: fused.rowCount, inputs: tensor.columnCount)
    let (whole, own) = (Self.module(of: fused.name), Self.module(of: tensor.name))
    parts[whole, default: []].append(
      Part(name: own, rows: fused.firstRow..<fused.firstRow + tensor.rowCount))
  }

  private static func module(of name: String) -> String {
    String(name.dropLast(weightSuffix.count))
  }

  /// The names that settings of an adapter may have for a module.
  func spellings(_ module: String) -> [String] {
    isOfWrapper ? WrapperNames.all(of: module) : [module]
  }

  /// Whether a module is a matrix that the model has apart.
  func isFused(_ module: String) -> Bool { parts[module] != nil }

  /// The model's layers that a module of an adapter changes: those of a matrix that the model has
  /// apart, which read the same input, each with its rows of B; else the module itself.
  func apart(_ module: AdapterModule) -> [AdapterModule] {
    guard let parts = parts[module.name] else { return [module] }
    return parts.map { part in
      AdapterModule(
        name: part.name, alpha: module.alpha, a: module.a, b: module.b.rows(part.rows))
    }
  }

  private mutating func add(_ name: String, outputs: Int, inputs: Int) {
    guard name.hasSuffix(Self.weightSuffix) else { return }
    modules[String(name.dropLast(Self.weightSuffix.count))] = Shape(
      outputs: outputs, inputs: inputs)
  }

  /// Whether a matrix of an adapter's file is the base's tensor of that name, number for number;
  /// nil when that cannot be told.
  func hasEqual(
    _ location: TensorIndex.Location, to name: String
  ) throws(PackingError) -> Bool? {
    guard let weights else { return nil }
    // A tied head is the embedding.
    let other = name == FolderWeights.headName ? weights[Self.embedding] : nil
    guard let tensor = weights[name] ?? other, location.entry.shape == tensor.planned.shape else {
      return false
    }
    guard tensor.planned.columnCount > 0 else { return true }
    let (rowCount, columnCount) = (tensor.planned.rowCount, tensor.planned.columnCount)
    let copy = CheckpointRows(
      file: location.file, entry: location.entry, columnCount: columnCount)
    let rows = try tensor.rows.prepared()
    let step = max(1, (1 << 18) / columnCount)
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: step * columnCount * 8, alignment: 64)
    defer { buffer.deallocate() }
    var (first, second) = (
      [Float](repeating: 0, count: step * columnCount),
      [Float](repeating: 0, count: step * columnCount)
    )
    for start in stride(from: 0, to: rowCount, by: step) {
      let range = start..<min(start + step, rowCount)
      try Self.read(copy, range, columnCount, into: &first, buffer)
      try Self.read(rows, range, columnCount, into: &second, buffer)
      guard first == second else { return false }
    }
    return true
  }

  private static func read(
    _ rows: any TensorRows, _ range: Range<Int>, _ columnCount: Int, into values: inout [Float],
    _ buffer: UnsafeMutableRawBufferPointer
  ) throws(PackingError) {
    var failure: PackingError?
    values.withUnsafeMutableBufferPointer { values in
      do throws(PackingError) {
        try rows.read(
          rows: range,
          into: UnsafeMutableBufferPointer(rebasing: values[..<(range.count * columnCount)]),
          scratch: buffer)
      } catch { failure = error }
    }
    if let failure { throw failure }
  }

  /// The checkpoint's module names in a fixed order.
  var names: [String] {
    let own = Set(parts.values.joined().map(\.name))
    return modules.keys.filter { !own.contains($0) }
      .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// The layer of `model.layers.N.…`; nil for the head.
  static func layer(of module: String) -> Int? {
    let fields = module.split(separator: ".")
    guard fields.count > 3, fields[0] == "model", fields[1] == "layers" else { return nil }
    return Int(fields[2])
  }
}

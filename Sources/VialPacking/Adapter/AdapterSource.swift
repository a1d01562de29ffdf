// Owns: an adapter of a folder, PEFT's or mlx-lm's, held against its base but for its values: which
// of the two a folder is, and what every target must fulfil.
// Must not: interpret either library's settings; `PEFTAdapter` and `MLXAdapter` do.

import VialFormat
import VialText

/// One target of an adapter.
struct AdapterModule: Sendable {
  /// Name of the linear layer, without `.weight`.
  var name: String
  /// What the format divides by the rank, or by its root.
  var alpha: Double
  /// `[rank, inputs]`.
  var a: AdapterMatrix
  /// `[outputs, rank]`.
  var b: AdapterMatrix

  var rank: Int { a.rowCount }
  /// The type of both, or f32 when they differ.
  var encoding: TensorEncoding { a.encoding == b.encoding ? a.encoding : .f32 }
}

/// An adapter that was read.
struct AdapterSource: Sendable {
  let name: String
  let isRankStabilised: Bool
  /// By ascending name.
  let modules: [AdapterModule]
  /// The files that it was read from.
  let files: [SourceFile]
  /// What its settings and its file have that is not carried over.
  let notices: PackNotices

  /// Reads the folder of an adapter for `base`.
  init(path: String, name: String, base: AdapterBase) throws(PackingError) {
    try Self.check(name: name)
    let folder = try CheckpointFolder(path: path)
    guard folder.has(PEFTAdapter.configName) else {
      throw PackingError(
        "\(PackingError.printable(path)): no \(PEFTAdapter.configName): neither a PEFT nor an mlx-lm adapter"
      )
    }
    self.name = name
    let settings = try Settings(
      parsing: folder.read(PEFTAdapter.configName), fileName: PEFTAdapter.configName)
    if folder.has(PEFTAdapter.weightsName) {
      let adapter = try PEFTAdapter(folder, settings, base: base)
      isRankStabilised = adapter.isRankStabilised
      modules = try Self.apart(adapter.modules, base)
      files = adapter.files
      notices = settings.notices + adapter.notices.named(name)
    } else if folder.has(MLXAdapter.weightsName) {
      let adapter = try MLXAdapter(folder, settings, base: base)
      isRankStabilised = false
      modules = try Self.apart(adapter.modules, base)
      files = adapter.files
      notices = settings.notices
    } else {
      throw PackingError(
        "\(PackingError.printable(path)): no \(PEFTAdapter.weightsName) (PEFT) and no"
          + " \(MLXAdapter.weightsName) (mlx-lm) in the folder")
    }
    try Self.check(modules, isRankStabilised: isRankStabilised, base)
  }

  /// Modules as the model has them, once the checkpoint's were held against their shapes.
  private static func apart(
    _ modules: [AdapterModule], _ base: AdapterBase
  ) throws(PackingError) -> [AdapterModule] {
    for module in modules where base.isFused(module.name) {
      guard let shape = base.modules[module.name], module.b.rowCount != shape.outputs else {
        continue
      }
      throw PackingError(
        "\(module.name): B has \(module.b.rowCount) rows, the base's layer \(shape.outputs)")
    }
    return modules.flatMap(base.apart).sorted { $0.name < $1.name }
  }

  /// Names that `--adapter NAME[:SCALE]` and lists can tell apart.
  static func check(name: String) throws(PackingError) {
    let isFit = name.unicodeScalars.allSatisfy {
      $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) && !":,=".unicodeScalars.contains($0)
    }
    guard isFit, (1...255).contains(name.utf8.count), name != "none" else {
      throw PackingError(
        "\"\(PackingError.printable(name))\" cannot name an adapter: 1 to 255 bytes without control characters,"
          + " colon, comma and equals sign, and not \"none\"")
    }
  }

  private static func check(
    _ modules: [AdapterModule], isRankStabilised: Bool, _ base: AdapterBase
  ) throws(PackingError) {
    guard !modules.isEmpty else { throw PackingError("the adapter changes nothing") }
    for module in modules {
      guard let shape = base.modules[module.name] else {
        throw PackingError(
          "the adapter's target \(PackingError.printable(module.name)) is no linear layer of the base"
        )
      }
      guard (1...Int(FormatLimits.adapterRank)).contains(module.rank) else {
        throw PackingError("\(module.name): rank \(module.rank) is not from 1 to 1024")
      }
      guard module.a.columnCount == shape.inputs, module.b.rowCount == shape.outputs,
        module.b.columnCount == module.rank
      else {
        throw PackingError(
          "\(module.name): A [\(module.a.rowCount), \(module.a.columnCount)] and B [\(module.b.rowCount),"
            + " \(module.b.columnCount)] do not fit the base's [\(shape.outputs), \(shape.inputs)]")
      }
      let scale = AdapterTarget.scale(
        alpha: module.alpha, rank: module.rank, isRankStabilised: isRankStabilised)
      guard module.alpha.isFinite, scale.isFinite else {
        throw PackingError("\(module.name): the scale is not finite")
      }
    }
  }

  /// The adapter section for the model with this digest. Holds all of it in memory.
  func section(base: Digest) throws(PackingError) -> (id: UInt64, bytes: ByteRegion) {
    let byName = Dictionary(
      uniqueKeysWithValues: modules.map { ($0.name + AdapterBase.weightSuffix, $0) })
    do {
      let builder = try AdapterBuilder(
        name: name, base: base, isRankStabilised: isRankStabilised,
        targets: modules.map {
          AdapterBuilder.Target(
            name: $0.name + AdapterBase.weightSuffix, encoding: $0.encoding,
            rank: $0.rank, alpha: $0.alpha, inputCount: $0.a.columnCount,
            outputCount: $0.b.rowCount)
        })
      let bytes = try builder.section { target, part, buffer in
        guard let module = byName[target.name] else { return }
        let matrix = part == .a ? module.a : module.b
        try matrix.write(as: module.encoding, into: buffer)
      }
      return (builder.sectionID, bytes)
    } catch let error as PackingError {
      throw error
    } catch {
      throw PackingError("\(error)")
    }
  }
}

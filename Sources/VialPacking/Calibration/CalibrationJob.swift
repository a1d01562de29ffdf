// Owns: calibration of a whole model, layer by layer: progress, stopping, what is kept of finished
// layers beside the output and when it counts.
// Must not: know how a layer is rounded.

import Foundation
import VialFormat
import VialSystem
import VialText

/// What a caller can ask of calibration.
public struct CalibrationOptions: Sendable, Equatable {
  /// Text or JSONL to calibrate with.
  public var path: String
  /// Added to the Hessian's diagonal, as a share of its mean.
  public var damping = 0.01
  /// Whether layers make up for the ones before them, and integers and scales are improved after
  /// GPTQ.
  public var refines = true
  /// Passes of coordinate descent then.
  public var sweeps = 4
  /// Bits a weight of the linear layers, scales included: formats are then chosen tensor by tensor.
  /// Nil: the recipe's.
  public var bitsPerWeight: Double?

  /// Calibration with the defaults.
  public init(path: String) { self.path = path }
}

/// Rounds a source's linear layers by calibration.
struct CalibrationJob {
  /// Where finished layers are kept until the file is complete.
  static func folder(of outputPath: String) -> String { outputPath + ".partial-layers" }

  private let source: PackSource
  private let set: CalibrationSet
  private let settings: RoundingSettings
  private let compute: DenseCompute
  private let forward: CalibrationForward
  private let observer: PackObserver
  private let folder: String
  private let key: Digest

  /// A job whose input was checked. `sourceDigests` say what the source is; nobody else writes to
  /// `outputPath`, links followed, while it lasts.
  init(
    _ source: PackSource, _ set: CalibrationSet, _ options: CalibrationOptions,
    sourceDigests: [String], outputPath: String, pool: ThreadPool, observer: PackObserver
  ) throws(PackingError) {
    self.set = set
    self.observer = observer
    settings = RoundingSettings(
      damping: options.damping, corrects: options.refines,
      sweeps: options.refines ? options.sweeps : 0)
    compute = try DenseCompute(pool: pool)
    forward = try CalibrationForward(
      source.configuration, tokensPerWindow: set.tokensPerWindow, compute: compute)
    var source = source
    if let bits = options.bitsPerWeight {
      source.tensors = try Self.budgeted(source, set, bits, forward, observer)
      source.describeFormats()
    }
    self.source = source
    folder = Self.folder(of: outputPath)
    key = Self.key(source, set, settings, sourceDigests)
  }

  /// Source, text, recipe and tool: where all are the same, so are the layers.
  private static func key(
    _ source: PackSource, _ set: CalibrationSet, _ settings: RoundingSettings, _ digests: [String]
  ) -> Digest {
    var lines = ["calibrated layers 3", source.options.tool, "\(set.digest)", "\(settings)"]
    lines += digests
    lines.append("\(set.tokens.count) tokens, windows of \(set.tokensPerWindow)")
    for tensor in source.tensors.tensors {
      let entries = tensor.format?.codebook?.entries ?? []
      lines.append(
        "\(tensor.planned.name) \(tensor.format.map { "\($0)" } ?? "vector") \(entries)")
    }
    var hash = SHA256()
    hash.update(Array(lines.joined(separator: "\n").utf8).span.bytes)
    return hash.finalize()
  }

  /// Gives the linear layers formats under a budget.
  private static func budgeted(
    _ source: PackSource, _ set: CalibrationSet, _ bits: Double, _ forward: CalibrationForward,
    _ observer: PackObserver
  ) throws(PackingError) -> TensorSources {
    var sources = source.tensors
    let probe = try SensitivityProbe(
      set,
      tensors: LayerTensors(sources, of: source.configuration, compute: forward.compute),
      forward: forward,
      formats: MixedPrecisionPlan.formats(
        source.options.recipe.grid == .codebook ? Codebook.forWeights : nil))
    var findings: [SensitivityProbe.Finding] = []
    let layerCount = source.configuration.layerCount
    for layer in 0..<layerCount {
      findings += try probe.run(layer: layer)
      observer.progress(
        .init(
          stage: "measuring sensitivity", completedByteCount: UInt64(layer + 1),
          totalByteCount: UInt64(layerCount)))
      if observer.shouldStop() { throw PackingError.cancelled }
    }
    let formats = try MixedPrecisionPlan.allocate(findings, bitsPerWeight: bits) {
      (index, format) throws(PackingError) in
      let encoder = try TensorEncoder(sources.tensors[index].planned, format: format)
      return encoder.tileCount * encoder.tileByteCount
    }
    for (index, format) in formats { sources.tensors[index].format = format }
    return sources
  }

  /// Rounds all layers and returns the source with the rows that calibration chose.
  func run() throws(PackingError) -> PackSource {
    try checkFolder()
    let streams = try CalibrationStreams(source.configuration, set)
    let tensors = LayerTensors(source.tensors, of: source.configuration, compute: compute)
    try tensors.embed(set.tokens, original: streams.original, stored: streams.rounded)
    let progress = CalibrationProgress(
      source: source, tokens: set.tokens.count, settings: settings, observer: observer)
    var files: [LayerFile] = []
    for layer in 0..<source.configuration.layerCount {
      let finished = try open(layer, tensors)
      progress.begin(layer)
      let calibrator = LayerCalibrator(
        layer: layer, streams: streams, forward: forward, tensors: tensors,
        vectors: try LayerVectors(layer, tensors, source.configuration), settings: settings,
        finished: finished, advance: progress.advance)
      let rounded = try calibrator.run()
      if let finished {
        files.append(finished)
      } else {
        try makeFolder()
        try LayerFile.write(rounded, path: path(layer), key: key)
        guard let written = try open(layer, tensors) else {
          throw PackingError("\(folder): a finished layer cannot be read again")
        }
        files.append(written)
      }
    }
    return source.calibrated(replaced(files))
  }

  private func path(_ layer: Int) -> String {
    let digits = String(layer)
    return folder + "/layer-" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }

  private func makeFolder() throws(PackingError) {
    do {
      // Layers are as secret as the file, which may be its owner's alone.
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch { throw PackingError("\(PackingError.printable(folder)): the folder cannot be made") }
  }

  /// Refuses a link, or a file, in the folder's place: somebody else's layers would be read or
  /// replaced.
  private func checkFolder() throws(PackingError) {
    let attributes = try? FileManager.default.attributesOfItem(atPath: folder)
    guard let type = attributes?[.type] as? FileAttributeType, type != .typeDirectory else {
      return
    }
    throw PackingError("\(PackingError.printable(folder)): it is there, and no folder")
  }

  /// Takes the folder of finished layers away.
  static func clean(_ outputPath: String) {
    try? FileManager.default.removeItem(atPath: folder(of: outputPath))
  }

  /// A layer of this job that an earlier run finished.
  private func open(_ layer: Int, _ tensors: LayerTensors) throws(PackingError) -> LayerFile? {
    var layout: [LayerFile.Shape] = []
    for part in tensors.stages.joined() {
      let (index, tensor) = try tensors.find(tensors.name(layer, part + ".weight"))
      guard let format = tensor.calibratedFormat else { continue }
      layout.append(
        LayerFile.Shape(
          index: index, rows: tensor.planned.rowCount, columns: tensor.planned.columnCount,
          format: format))
    }
    return LayerFile(path: path(layer), key: key, layout: layout)
  }

  private func replaced(_ files: [LayerFile]) -> TensorSources {
    var sources = source.tensors
    for file in files {
      for tensor in file.tensors {
        sources.tensors[tensor.index].rows = CalibratedRows(file: file, tensor: tensor)
      }
    }
    return sources
  }
}

/// Progress of calibration in tokens that passed through layers, by the operations that they took.
private final class CalibrationProgress {
  private let observer: PackObserver
  private let tokens: Double
  private let layerCount: Int
  private let layerOperations: Double
  private var layer = 0
  private var done = 0.0

  init(source: PackSource, tokens: Int, settings: RoundingSettings, observer: PackObserver) {
    self.observer = observer
    self.tokens = Double(tokens)
    layerCount = source.configuration.layerCount
    layerOperations = Self.operations(source.configuration, Double(tokens), settings)
  }

  /// What a layer takes: gathering, rounding, and both streams.
  private static func operations(
    _ configuration: CheckpointConfiguration, _ tokens: Double, _ settings: RoundingSettings
  ) -> Double {
    let (hidden, wide) = (configuration.hiddenSize, configuration.feedForwardSize)
    let queries = configuration.headCount * configuration.headDimension
    let keys = configuration.kvHeadCount * configuration.headDimension
    let stages = [
      (hidden, [queries, keys, keys], 4.0, false), (queries, [hidden], 2.0, true),
      (hidden, [wide, wide], 6.0, false), (wide, [hidden], 2.0, true),
    ]
    var total = 0.0
    for (inputs, outputs, passes, writesToResidual) in stages {
      let sum = outputs.reduce(0, +)
      total += tokens * Double(inputs) * passes * Double(sum)
      total += InputStatistics.operationCount(
        tokens, inputs: inputs, outputs: sum, writesToResidual: writesToResidual)
      for rows in outputs {
        total += GPTQQuantizer.operationCount(
          rows: rows, columns: inputs, shared: outputs.count, settings)
      }
    }
    return total
  }

  func begin(_ layer: Int) { (self.layer, done) = (layer, 0) }

  func advance(_ operations: Double) throws(PackingError) {
    done += operations
    let fraction = min(1, done / layerOperations)
    observer.progress(
      .init(
        stage: "calibrating", completedByteCount: UInt64((Double(layer) + fraction) * tokens),
        totalByteCount: UInt64(Double(layerCount) * tokens)))
    if observer.shouldStop() { throw PackingError.cancelled(keepsLayers: layer > 0) }
  }
}

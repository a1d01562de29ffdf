// Owns: the packer (a checkpoint folder in, one `.vial` file out, or an error and no file): the
// order of the work and of the sections.
// Must not: print, exit, or keep a tensor in memory.
// Source: Spec/FORMAT.md, "Writing a file".
// Everything that can be refused is refused before the output is opened.

import VialArchitectures
import VialFormat
import VialSystem

/// What a pack made.
public struct PackSummary: Sendable, Equatable {
  /// Length of the file in bytes.
  public var fileByteCount: UInt64
  /// Length of the weights section in bytes.
  public var weightsByteCount: UInt64
  /// Weights, norms and biases, the tied head counted once.
  public var parameterCount: UInt64
  /// Tensors in the file.
  public var tensorCount: Int
  /// One line: encodings and method.
  public var recipe: String
  /// Lines of warning that were given, those of what was left out not counted.
  public var warningCount: Int
  /// Things that the source has and the file has not, each of them named in a warning or counted in
  /// one.
  public var omissionCount: Int
  /// Digest of configuration, tokenizer and weights, in hexadecimal.
  public var modelDigest: String
  /// Digest of everything, in hexadecimal.
  public var fileDigest: String
}

/// Packs checkpoints.
public enum Packer {
  /// The classes of transformers that can be packed.
  public static var architectures: [String] { Architecture.all.map(\.className) }

  /// Packs one checkpoint and returns when the file is complete under its name.
  ///
  /// Memory does not grow with the model; the bytes written do not depend on the number of threads.
  /// - Throws: one line about what is wrong; nothing is left behind.
  public static func pack(
    _ options: PackOptions, observer: PackObserver = PackObserver()
  ) throws(PackingError) -> PackSummary {
    let source = try PackSource(options, observer: observer)
    let set = try options.calibration.map { (calibration) throws(PackingError) in
      try calibrationSet(calibration, source, observer)
    }
    let output: AtomicFile
    do {
      output = try AtomicFile(path: options.outputPath)
    } catch {
      throw PackingError("\(error)")
    }
    defer { output.abandon() }
    let pool = ThreadPool(workerCount: options.threadCount ?? Processors.availableCount)
    var job = PackJob(source: source, pool: pool, observer: observer)
    if let set, let calibration = options.calibration {
      job = try calibrate(
        source, set, calibration, output: output, pool: pool, observer: observer)
    }
    let summary = try job.write(to: output)
    do {
      // Another packer of the same file would keep its own layers there.
      try output.commit(whileLocked: {
        if options.calibration != nil { CalibrationJob.clean(output.resolvedPath) }
      })
    } catch {
      throw PackingError("\(error)")
    }
    return summary
  }

  /// Reads the calibration text, or says why nothing can be calibrated.
  private static func calibrationSet(
    _ options: CalibrationOptions, _ source: PackSource, _ observer: PackObserver
  ) throws(PackingError) -> CalibrationSet {
    guard source.canCalibrate else {
      throw PackingError(
        source.options.randomSeed == nil
          ? "nothing to calibrate: no linear layer is rounded to int4 or int8 here"
          : "random weights cannot be calibrated")
    }
    if options.bitsPerWeight != nil,
      source.tensors.tensors.contains(where: { $0.planned.role == .linear && $0.keepsSource })
    {
      throw PackingError("a budget of bits needs a source whose layers are not quantised already")
    }
    let set = try CalibrationSet(path: options.path, source: source)
    if set.tokens.count < set.availableTokenCount - set.tokensPerWindow {
      observer.warning(
        "calibrating with \(set.tokens.count) of \(set.availableTokenCount) tokens, spread over the text"
      )
    }
    return set
  }

  /// Rounds the linear layers and returns the job that writes them. `output` keeps other writers
  /// out meanwhile.
  private static func calibrate(
    _ source: PackSource, _ set: CalibrationSet, _ options: CalibrationOptions,
    output: AtomicFile, pool: ThreadPool, observer: PackObserver
  ) throws(PackingError) -> PackJob {
    let digests = try SourceDigests(source.files, workerCount: pool.workerCount)
      .finish(pool, observer: observer)
    let job = try CalibrationJob(
      source, set, options, sourceDigests: digests, outputPath: output.resolvedPath, pool: pool,
      observer: observer)
    return PackJob(
      source: try job.run(), pool: pool, observer: observer,
      calibration: CalibrationRecord(set, options), sourceDigests: digests)
  }
}

// The packer: a checkpoint folder in, one `.vial` file out, or an error and no file.
// Owns: the order of the work (everything that can be refused is refused before the output is opened) and of the
// sections. Must not: print, exit, or keep a tensor in memory.
// Implements: Spec/FORMAT.md, "Writing a file".

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
  /// Digest of configuration, tokenizer and weights, in hexadecimal.
  public var modelDigest: String
  /// Digest of everything, in hexadecimal.
  public var fileDigest: String
}

/// Packs checkpoints.
public enum Packer {
  /// Packs one checkpoint and returns when the file is complete under its name.
  ///
  /// Memory does not grow with the model; the bytes written do not depend on the number of threads.
  /// - Throws: one line about what is wrong; nothing is left behind.
  public static func pack(
    _ options: PackOptions, observer: PackObserver = PackObserver()
  ) throws(PackingError) -> PackSummary {
    let source = try PackSource(options, observer: observer)
    let output: AtomicFile
    do {
      output = try AtomicFile(path: options.outputPath)
    } catch {
      throw PackingError("\(error)")
    }
    defer { output.abandon() }
    let pool = ThreadPool(workerCount: options.threadCount ?? Processors.availableCount)
    let job = PackJob(source: source, pool: pool, observer: observer)
    let summary = try job.write(to: output)
    do {
      try output.commit()
    } catch {
      throw PackingError("\(error)")
    }
    return summary
  }
}

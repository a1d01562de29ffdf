// Owns: `vial compact`: an opened file, written anew beside it or elsewhere, appears when it is
// complete.
// Must not: decide what is dropped; VialFormat does.
// Source: Spec/FORMAT.md, "Appending and compacting".

import VialFormat
import VialSystem

/// Drops dead bytes of files.
public enum FileCompactor {
  /// What a compaction did.
  public struct Summary: Sendable, Equatable {
    /// Bytes of the file before, the tail of an unfinished append included.
    public let before: UInt64
    /// Bytes of the file that was written.
    public let after: UInt64
  }

  /// The caller's `progress` asked to stop; nothing was written.
  public struct Stopped: Error {}

  /// Writes the file at `path` without its dead bytes to `output`, or in its own place when that is
  /// nil.
  ///
  /// Links are followed. Other writers of the new file, in place of the old one too, are kept out,
  /// and programs that have an old one open keep it.
  /// - Parameter progress: is called with bytes done and to do; false ends the work with `Stopped`.
  /// - Throws: `ModelError`, `SystemError`, `FormatError`, `Stopped`; no file is left behind then.
  public static func compact(
    path: String, output: String?, progress: @escaping (UInt64, UInt64) -> Bool
  ) throws -> Summary {
    guard let output, !FileNames.areSame(path, output) else {
      let editor = try FileEditor(path: path)
      let target = try AtomicFile(replacing: editor.file)
      defer { target.abandon() }
      return try write(editor.descriptor, to: target, progress)
    }
    // The output is locked first: it may be another name of the file that is read.
    let target = try AtomicFile(path: output)
    defer { target.abandon() }
    return try write(try ModelFile(path: path).descriptor, to: target, progress)
  }

  private static func write(
    _ file: VialFile, to target: AtomicFile, _ progress: @escaping (UInt64, UInt64) -> Bool
  ) throws -> Summary {
    let sink = Sink(target: target, totalByteCount: file.root.fileByteCount, progress: progress)
    let after = try Compaction.write(file, to: sink).byteCount
    try target.commit()
    return Summary(before: UInt64(file.file.byteCount), after: after)
  }

  /// Counts what goes by.
  private struct Sink: ByteSink {
    let target: AtomicFile
    let totalByteCount: UInt64
    let progress: (UInt64, UInt64) -> Bool
    var byteCount: UInt64 = 0

    mutating func write(_ bytes: RawSpan, at offset: UInt64) throws {
      guard progress(byteCount, totalByteCount) else { throw Stopped() }
      try bytes.withUnsafeBytes { try target.write($0, at: offset) }
      byteCount = max(byteCount, offset + UInt64(bytes.byteCount))
    }
  }
}

// Owns: `vial adapter extract`: an adapter's section in a file of its own, which appears when it is
// complete.
// Must not: change the section.
// Source: Spec/FORMAT.md, "Adapters".

public import VialFormat
import VialSystem

/// Writes files of adapters.
public enum FileAdapterWriter {
  /// The caller's `shouldStop` asked to stop; nothing was written.
  public struct Stopped: Error {}

  /// Writes an adapter's section, with this id, to a new file at `path`; an existing one is
  /// replaced, links are followed.
  /// - Parameter shouldStop: asked between pieces; true ends the work with `Stopped`.
  /// - Throws: `SystemError`, `FormatError`, `Stopped`; no file is left behind then.
  public static func write(
    _ section: ByteRegion, id: UInt64, to path: String, shouldStop: @escaping () -> Bool = { false }
  ) throws {
    let target = try AtomicFile(path: path)
    defer { target.abandon() }
    _ = try AdapterFile.write(section, id: id, to: Sink(target: target, shouldStop: shouldStop))
    guard !shouldStop() else { throw Stopped() }
    try target.commit()
  }

  private struct Sink: ByteSink {
    let target: AtomicFile
    let shouldStop: () -> Bool

    mutating func write(_ bytes: RawSpan, at offset: UInt64) throws {
      guard !shouldStop() else { throw Stopped() }
      try bytes.withUnsafeBytes { try target.write($0, at: offset) }
    }
  }
}

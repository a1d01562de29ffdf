// Owns: memory for what cannot fail softly, and the sizes that calls hold of it, by name.
// Must not: be held for what grows with a file or an argument and can come from `CheckedMemory`,
// which may say no.
// Swift ends the process when an object or an array cannot be allocated.
import CVialMemory

/// Memory that is held while code runs whose allocations are bounded and cannot fail.
///
/// In libvial it is there whatever the rest of the process does. In a Swift program, holding proves
/// only that so much memory can be had at that moment.
public enum MemoryReserve {
  /// Bytes that any call of the library may need besides what is checked or held for itself.
  public static let call = 256 << 10
  /// Bytes that reading or rendering a template, or one mask of an answer, may need.
  public static let template = 32 << 20
  /// Bytes that compiling a schema or a list of choices may need.
  public static let schema = 64 << 20
  /// Bytes that copies of a schema or of a list of choices may need on their way there.
  public static let choices = 8 << 20
  /// Bytes that a step of an engine may need.
  public static let step = 512 << 10
  /// Bytes that places in queues and tables need for each request, from when it is submitted until
  /// it is released.
  public static let request = 1 << 10

  /// Holds memory for allocations of so many bytes together; false when memory is short. O(1).
  public static func hold(_ byteCount: Int) -> Bool {
    vial_reserve_hold(max(0, byteCount))
  }

  /// Gives back what was held; what was allocated meanwhile stays.
  public static func release(_ byteCount: Int) { vial_reserve_release(max(0, byteCount)) }

  /// Whether all that is held is there; tries to get what is missing after memory was short.
  public static var isWhole: Bool { vial_reserve_is_whole() }

  /// Runs `body` while so many bytes are held.
  /// - Throws: `FormatError.outOfMemory` without running it when memory is short.
  public static func with<Result: ~Copyable>(
    _ byteCount: Int, _ body: () throws(FormatError) -> Result
  ) throws(FormatError) -> Result {
    guard hold(byteCount) else { throw .outOfMemory }
    defer { release(byteCount) }
    return try body()
  }
}

/// Memory that is held as long as an object lives.
public final class HeldMemory: Sendable {
  private let byteCount: Int

  /// Holds so many bytes; nil when memory is short.
  public init?(_ byteCount: Int) {
    guard MemoryReserve.hold(byteCount) else { return nil }
    self.byteCount = byteCount
  }

  deinit { MemoryReserve.release(byteCount) }
}

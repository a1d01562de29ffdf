// Owns: memory whose allocation may fail: for whatever grows with a file or an argument.
// Must not: trap when memory is short, or take from the reserve.
import CVialMemory

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Allocation that can say no.
public enum CheckedMemory {
  /// Memory for `count` elements, uninitialised; nil when memory is short or the size does not fit.
  /// Given back with `release`.
  @unsafe public static func allocate<Element: BitwiseCopyable>(
    _ type: Element.Type, count: Int
  ) -> UnsafeMutablePointer<Element>? {
    let (byteCount, overflow) = max(0, count).multipliedReportingOverflow(
      by: MemoryLayout<Element>.stride)
    guard !overflow, let memory = unsafe vial_memory_allocate(byteCount) else { return nil }
    return unsafe memory.bindMemory(to: Element.self, capacity: max(0, count))
  }

  /// `byteCount` bytes at a multiple of 64; nil when memory is short. Given back with `release`.
  @unsafe static func allocateLines(byteCount: Int) -> UnsafeMutableRawPointer? {
    unsafe vial_memory_allocate_aligned(64, max(0, byteCount))
  }

  /// Takes back what `allocate` or `allocateLines` gave.
  @unsafe public static func release(_ memory: UnsafeMutableRawPointer) { unsafe free(memory) }
}

/// Memory for plain values that belong to a patient's text: in no core dump and out of swap where
/// the process has such memory, wiped when it is given back.
@unsafe public struct SecretMemory<Element: BitwiseCopyable> {
  /// First element; uninitialised at first.
  public let base: UnsafeMutablePointer<Element>
  private let byteCount: Int
  private let note: UnsafeMutableRawPointer?

  /// Memory for `count` elements; nil when it is short or the size does not fit. Given back with
  /// `release`.
  public init?(_ type: Element.Type, count: Int) {
    let (byteCount, overflow) = max(0, count).multipliedReportingOverflow(
      by: MemoryLayout<Element>.stride)
    var note: UnsafeMutableRawPointer?
    guard !overflow, let memory = unsafe vial_secret_allocate(byteCount, &note) else { return nil }
    unsafe self.base = unsafe memory.bindMemory(to: Element.self, capacity: max(0, count))
    unsafe self.byteCount = byteCount
    unsafe self.note = unsafe note
  }

  /// Wipes it and gives it back. Once.
  public func release() { unsafe vial_secret_release(base, byteCount, note) }
}

// Owns: the bytes of an opened file: mapped read-only, or copied into memory of our own.
// Must not: interpret them.
// A mapped file that another process truncates raises SIGBUS on access; the private copy is immune
// (Spec/FORMAT.md, "What remains").

internal import CVialSystem

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// A read-only file in memory. Unmapped when the last reference goes.
public final class MappedFile: Sendable {
  /// How the bytes get into memory.
  public enum Access: Sendable {
    /// Shared mapping: nothing is read until touched, all processes share the pages.
    case mapped
    /// A private copy, for files that somebody else may truncate or change.
    case copied
  }

  private let address: UInt
  /// Length in bytes.
  public let byteCount: Int

  /// First byte; valid while this object lives.
  public var base: UnsafeRawPointer {
    // mmap never returns null for a successful anonymous or file mapping.
    UnsafeRawPointer(bitPattern: address).unsafelyUnwrapped
  }

  /// Opens a regular file.
  /// - Throws: `SystemError` when it is missing, not a regular file, not readable, empty or too
  ///   large.
  public convenience init(path: String, access: Access = .mapped) throws(SystemError) {
    let file = try FileReader(path: path)
    try self.init(
      descriptor: file.descriptor, byteCount: file.byteCount, path: path, access: access)
    if access == .copied {
      let memory = UnsafeMutableRawPointer(mutating: base)
      try file.read(into: UnsafeMutableRawBufferPointer(start: memory, count: byteCount), at: 0)
      mprotect(memory, byteCount, PROT_READ)
    }
  }

  /// Maps an open file, or memory of its length that is to be filled.
  init(
    descriptor: Int32, byteCount: UInt64, path: String, access: Access = .mapped
  ) throws(SystemError) {
    guard byteCount > 0 else {
      throw SystemError("open", path: path, reason: "the file is empty")
    }
    guard let length = Int(exactly: byteCount) else {
      throw SystemError("open", path: path, code: EFBIG)
    }
    let memory =
      access == .mapped
      ? mmap(nil, length, PROT_READ, MAP_SHARED, descriptor, 0)
      : mmap(nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let memory, memory != MAP_FAILED else { throw SystemError.last("map", path: path) }
    #if os(Linux)
      // Reading streams through all of it: with large pages, where the file system has them,
      // translations do not stall it.
      if length >= WorkMemory.largePageByteCount { madvise(memory, length, MADV_HUGEPAGE) }
    #endif
    address = UInt(bitPattern: memory)
    self.byteCount = length
  }

  deinit { munmap(UnsafeMutableRawPointer(mutating: base), byteCount) }
}

// Memory that is not the reader's own, as a mapped file is: whoever has it may change it at any time.

import Glibc
import VialFormat

/// Some bytes, and a region over them.
final class ForeignBytes: @unchecked Sendable {
  private let memory: UnsafeMutableRawBufferPointer

  /// A copy of `bytes`.
  init(_ bytes: [UInt8]) {
    memory = .allocate(byteCount: max(1, bytes.count), alignment: 64)
    memory.copyBytes(from: bytes)
    count = bytes.count
    isMapped = false
  }

  /// So many zeros that nobody has touched: they take no memory.
  init(untouchedByteCount count: Int) throws {
    let start = mmap(nil, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let start, start != MAP_FAILED else { throw FormatError.outOfMemory }
    memory = UnsafeMutableRawBufferPointer(start: start, count: count)
    self.count = count
    isMapped = true
  }

  deinit {
    if isMapped { munmap(memory.baseAddress, count) } else { memory.deallocate() }
  }

  private let count: Int
  private let isMapped: Bool

  /// The bytes as a reader sees them.
  var region: ByteRegion {
    ByteRegion(owner: self, start: UnsafeRawPointer(memory.baseAddress!), byteCount: count)
  }

  /// Overwrites the bytes from `offset`.
  func put(_ bytes: [UInt8], at offset: Int) {
    UnsafeMutableRawBufferPointer(rebasing: memory[offset...]).copyBytes(from: bytes)
  }

  /// Overwrites everything.
  func fill(with byte: UInt8) { memory.initializeMemory(as: UInt8.self, repeating: byte) }
}

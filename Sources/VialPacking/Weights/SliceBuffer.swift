// Owns: memory for the bytes of a slice, and its length, which grows to the largest slice.
// Must not: be read and written at the same time; the encoder has two and swaps them.

/// Bytes of one slice.
final class SliceBuffer {
  private var memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 0, alignment: 64)
  /// Length of the slice that it holds.
  private(set) var byteCount = 0

  deinit { memory.deallocate() }

  /// Makes it `byteCount` zeros.
  func reset(byteCount: Int) {
    if memory.count < byteCount {
      memory.deallocate()
      memory = .allocate(byteCount: byteCount, alignment: 64)
    }
    self.byteCount = byteCount
    bytes.initializeMemory(as: UInt8.self, repeating: 0)
  }

  /// The bytes.
  var bytes: UnsafeMutableRawBufferPointer { .init(rebasing: memory[..<byteCount]) }
}

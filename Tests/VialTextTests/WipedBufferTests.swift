// Memory of texts: none at first, refused when it cannot be had, and no trap either way.

import Testing
import VialText

@Suite struct WipedBufferTests {
  /// More than any machine has, in elements of 8 bytes.
  private static let impossible = 1 << 57

  @Test func whatCannotBeHadIsRefused() {
    let isRefused = WipedBuffer<UInt64>(capacity: Self.impossible, fill: 0) == nil
    #expect(isRefused)
  }

  @Test func aRefusalLeavesNoRoom() throws {
    var buffer = WipedBuffer<UInt64>()
    try buffer.reserve(3, fill: 7)
    var (capacity, value) = (buffer.capacity, buffer[2])
    #expect(capacity >= 3 && value == 7)
    for count in [Self.impossible, Int.max] {
      do throws(TextError) {
        try buffer.reserve(count, fill: 0)
        Issue.record("so much memory cannot be had")
      } catch { #expect(error == .outOfMemory) }
      (capacity, value) = (buffer.capacity, UInt64(buffer.span.count))
      #expect(capacity == 0 && value == 0)
    }
    try buffer.reserve(5, fill: 9)
    value = buffer[4]
    #expect(value == 9)
  }
}

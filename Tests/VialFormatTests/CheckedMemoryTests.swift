// Memory that grows with a file or an argument: refused when it cannot be had, without a trap.

import Testing
import VialFormat

@Suite struct CheckedMemoryTests {
  @Test(arguments: [1 << 57, Int.max])
  func whatCannotBeHadIsRefused(_ count: Int) {
    #expect(CheckedBuffer<UInt64>(capacity: count) == nil)
    #expect(HeldMemory(count) == nil)
    #expect(!MemoryReserve.hold(count))
    #expect(throws: FormatError.outOfMemory) { try MemoryReserve.with(count) {} }
  }

  @Test func aFullBufferTakesNothing() throws {
    let buffer = try #require(CheckedBuffer<Int>(capacity: 2))
    #expect(buffer.append(1) && buffer.append(2) && !buffer.append(3))
    let three = [4, 5, 6]
    let fits = buffer.append(contentsOf: three.span)
    #expect(!fits)
    buffer.truncate(to: 1)
    #expect(buffer.count == 1 && buffer.append(7))
    let sum = buffer.withMutableSpan { $0[0] + $0[1] }
    #expect(sum == 8)
  }

  @Test func shortMemoryIsNoRule() {
    #expect(FormatError.outOfMemory.isOutOfMemory)
    #expect(FormatError.outOfMemory.description == "memory is short")
    #expect(!FormatError(rule: 301, offset: 0, "").isOutOfMemory)
  }
}

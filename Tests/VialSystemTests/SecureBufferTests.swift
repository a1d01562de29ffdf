// Secure buffers keep to their capacity and forget what they are told to forget.
import Testing
import VialSystem

@Suite struct SecureBufferTests {
  private func elements<Element>(_ buffer: SecureBuffer<Element>) -> [Element] {
    (0..<buffer.count).map { buffer.pointer[$0] }
  }

  /// `#expect` cannot hold a span.
  private func append<Element>(_ elements: [Element], to buffer: SecureBuffer<Element>) -> Bool {
    buffer.append(contentsOf: elements.span)
  }

  @Test func appendingStopsAtTheCapacity() throws {
    let buffer = try #require(SecureBuffer<UInt32>(capacity: 3))
    #expect(buffer.append(7))
    #expect(!append([1, 2, 3], to: buffer))
    #expect(elements(buffer) == [7])
    #expect(append([1, 2], to: buffer))
    #expect(!buffer.append(9))
    #expect(elements(buffer) == [7, 1, 2])
  }

  @Test func truncatingWipes() throws {
    let buffer = try #require(SecureBuffer<UInt8>(capacity: 8))
    buffer.append(contentsOf: [1, 2, 3, 4].span)
    buffer.truncate(to: 1)
    #expect(elements(buffer) == [1])
    #expect((1..<4).allSatisfy { buffer.pointer[$0] == 0 })
    buffer.truncate(to: 5)
    buffer.truncate(to: -1)
    #expect(buffer.count == 1)
  }

  @Test func writingInPlaceIsClamped() throws {
    let buffer = try #require(SecureBuffer<Float>(capacity: 4))
    buffer.appendInPlace { room in
      room[0] = 2
      return 1
    }
    #expect(elements(buffer) == [2])
    buffer.appendInPlace { _ in 100 }
    #expect(buffer.count == 4)
    buffer.appendInPlace { _ in -1 }
    #expect(buffer.count == 4)
  }

  @Test func impossibleCapacities() throws {
    #expect(SecureBuffer<UInt64>(capacity: .max) == nil)
    #expect(SecureBuffer<UInt64>(capacity: -1) == nil)
    let empty = try #require(SecureBuffer<UInt64>(capacity: 0))
    #expect(!empty.append(1))
    #expect(append([], to: empty))
  }

  @Test func clockAndProcessors() {
    let first = MonotonicClock.seconds
    #expect(MonotonicClock.seconds >= first)
    #expect(Processors.availableCount >= 1)
  }
}

// Large buffers: what is locked and counted of them, and what they leave to whoever lent them.

import Testing
import VialSystem

@Suite struct WorkMemoryTests {
  /// A page-aligned piece of memory, and what it held when it came back.
  private final class Lender: Sendable {
    let lentByteCount = Locked(0)
    let returnedZeros = Locked(false)

    var source: MemorySource {
      MemorySource(
        allocate: { [self] byteCount in
          lentByteCount.withLock { $0 = byteCount }
          let memory = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 4096)
          memory.initializeMemory(as: UInt8.self, repeating: 0xAA, count: byteCount)
          return memory
        },
        release: { [self] memory, byteCount in
          let bytes = UnsafeRawBufferPointer(start: memory, count: byteCount)
          returnedZeros.withLock { $0 = bytes.allSatisfy { $0 == 0 } }
          memory.deallocate()
        })
    }
  }

  private static func isZero(_ memory: WorkMemory) -> Bool {
    UnsafeRawBufferPointer(start: memory.base, count: memory.byteCount).allSatisfy { $0 == 0 }
  }

  @Test func lentMemoryIsWholePagesOfZeros() throws {
    let lender = Lender()
    let memory = try #require(WorkMemory(byteCount: 5000, source: lender.source))
    #expect(memory.byteCount == lender.lentByteCount.withLock { $0 })
    #expect(memory.byteCount % 4096 == 0 && memory.byteCount >= 5000)
    #expect(Self.isZero(memory))
  }

  @Test func whatIsReleasedIsWiped() throws {
    let lender = Lender()
    do {
      let memory = try #require(WorkMemory(byteCount: 5000, source: lender.source))
      memory.elements(UInt8.self)[4999] = 7
    }
    #expect(lender.returnedZeros.withLock { $0 })
  }

  @Test func partsAreWiped() throws {
    let memory = try #require(WorkMemory(byteCount: 8192))
    let bytes = memory.elements(UInt8.self)
    for index in 0..<8192 { bytes[index] = 1 }
    memory.wipe(from: 100, byteCount: 50)
    #expect((0..<8192).allSatisfy { (bytes[$0] == 0) == (100..<150).contains($0) })
    memory.wipe(from: 8000, byteCount: .max)
    #expect((8000..<8192).allSatisfy { bytes[$0] == 0 } && bytes[7999] == 1)
    memory.wipe(from: -1, byteCount: 100)
    memory.wipe(from: 8192, byteCount: 100)
    #expect(bytes[0] == 1)
  }

  /// What was written goes, over holes that sorting may leave; what nobody wrote is not looked at.
  @Test func whatWasWrittenIsWiped() throws {
    let memory = try #require(WorkMemory(byteCount: 1 << 20))
    let bytes = memory.elements(UInt8.self)
    for index in 5000..<300_000 where index / 4096 % 9 < 4 { bytes[index] = 3 }
    bytes[900_000] = 9
    memory.wipeWritten(from: 4096, byteCount: 1 << 19)
    #expect((0..<900_000).allSatisfy { bytes[$0] == 0 } && bytes[900_000] == 9)
    memory.wipeWritten(from: 900_000, byteCount: .max)
    memory.wipeWritten(from: 1 << 20, byteCount: 1)
    #expect(Self.isZero(memory))
  }

  @Test func memoryIsCountedWhileItLives() throws {
    let account = MemoryAccount()
    let source = MemorySource(nil, locking: .never, account: account)
    do {
      let memory = try #require(WorkMemory(byteCount: 100_000, source: source))
      #expect(!memory.isLocked)
      #expect(account.unlockedByteCount == memory.byteCount)
      #expect(account.lockedByteCount == 0)
      #expect(account.dumpableByteCount == (memory.isHidden ? 0 : memory.byteCount))
      withExtendedLifetime(memory) {}
    }
    #expect(account.unlockedByteCount == 0 && account.dumpableByteCount == 0)
  }

  @Test func aSizeBeyondAddressesIsRefused() {
    #expect(WorkMemory(byteCount: .max) == nil)
    #expect(WorkMemory(byteCount: .max - 4096) == nil)
  }
}

// Memory for secrets: zeros when it is handed out, apart from its neighbours, in few mappings, whatever can be locked.

import Synchronization
import Testing
import VialSystem

@Suite struct SecureMemoryTests {
  /// A generator that needs no seed from outside.
  private struct Numbers {
    var state: UInt64

    mutating func next(below bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
  }

  private static func isZero(_ block: SecureBlock) -> Bool {
    UnsafeRawBufferPointer(start: block.base, count: block.byteCount).allSatisfy { $0 == 0 }
  }

  private static func fill(_ block: SecureBlock, _ byte: UInt8) {
    UnsafeMutableRawBufferPointer(start: block.base, count: block.byteCount)
      .initializeMemory(as: UInt8.self, repeating: byte)
  }

  private static func holds(_ block: SecureBlock, _ byte: UInt8) -> Bool {
    UnsafeRawBufferPointer(start: block.base, count: block.byteCount).allSatisfy { $0 == byte }
  }

  /// Wipes and gives back, as buffers do.
  private static func release(_ block: SecureBlock, to arena: SecureArena) {
    fill(block, 0)
    arena.release(block)
  }

  private static func churn(_ arena: SecureArena, seed: Int, rounds: Int) -> Bool {
    var numbers = Numbers(state: UInt64(seed))
    var held: [(block: SecureBlock, byte: UInt8)] = []
    for round in 0..<rounds {
      if held.count > numbers.next(below: 200) {
        let (block, byte) = held.remove(at: numbers.next(below: held.count))
        guard holds(block, byte) else { return false }
        release(block, to: arena)
        continue
      }
      let largest = [1, 64, 65, 700, 2048, 2049, 9000, 300_000][numbers.next(below: 8)]
      guard let block = arena.allocate(byteCount: numbers.next(below: largest + 1)),
        UInt(bitPattern: block.base) % 64 == 0, isZero(block)
      else { return false }
      let byte = UInt8(truncatingIfNeeded: round | 1)
      fill(block, byte)
      held.append((block, byte))
    }
    for (block, byte) in held {
      guard holds(block, byte) else { return false }
      release(block, to: arena)
    }
    return true
  }

  @Test(arguments: 1...4)
  func blocksAreZerosAndTheirOwn(seed: Int) {
    let arena = SecureArena(processID: 1)
    #expect(Self.churn(arena, seed: seed, rounds: 4000))
    #expect(arena.usage == SecureMemory.Usage())
    #expect(arena.slabCount == 0)
  }

  @Test func threadsShareAnArena() {
    let arena = SecureArena(processID: 1)
    let pool = ThreadPool(workerCount: 4)
    let failures = Atomic<Int>(0)
    pool.run { worker in
      if !Self.churn(arena, seed: worker + 10, rounds: 3000) {
        failures.add(1, ordering: .relaxed)
      }
    }
    #expect(failures.load(ordering: .relaxed) == 0)
    #expect(arena.usage == SecureMemory.Usage())
  }

  @Test(arguments: [1, 100, 1000, 3000])
  func manyBlocksNeedFewMappings(byteCount: Int) throws {
    let arena = SecureArena(processID: 1)
    let blocks = try (0..<20_000).map { _ in try #require(arena.allocate(byteCount: byteCount)) }
    let total = arena.usage.lockedByteCount + arena.usage.unlockedByteCount
    #expect(total <= 20_000 * max(64, byteCount) * 2 + 1 << 20)
    #expect(arena.slabCount <= total >> 20 + 5)
    // Every other one goes: the rest stay where they are, and what comes next fits in between.
    for index in stride(from: 0, to: blocks.count, by: 2) {
      Self.release(blocks[index], to: arena)
    }
    let more = try (0..<10_000).map { _ in try #require(arena.allocate(byteCount: byteCount)) }
    #expect(arena.usage.lockedByteCount + arena.usage.unlockedByteCount <= total)
    for block in more { Self.release(block, to: arena) }
    for index in stride(from: 1, to: blocks.count, by: 2) {
      Self.release(blocks[index], to: arena)
    }
    #expect(arena.slabCount == 0)
  }

  /// With a limit that holds one slab only, the others serve all the same, and both are counted.
  @Test func whatCannotBeLockedIsCounted() throws {
    let limit = 64 << 10
    let locked = Mutex(0)
    let arena = SecureArena(processID: 1) { _, byteCount in
      locked.withLock { locked in
        guard locked + byteCount <= limit else { return false }
        locked += byteCount
        return true
      }
    }
    let blocks = try (0..<500).map { _ in try #require(arena.allocate(byteCount: 1500)) }
    #expect(arena.usage.lockedByteCount == limit)
    #expect(arena.usage.unlockedByteCount >= 500 * 2048 - limit)
    for block in blocks { Self.release(block, to: arena) }
    #expect(arena.usage == SecureMemory.Usage())
    let none = SecureArena(processID: 1) { _, _ in false }
    let large = try #require(none.allocate(byteCount: 3 << 20))
    #expect(none.usage == SecureMemory.Usage(lockedByteCount: 0, unlockedByteCount: 3 << 20))
    Self.release(large, to: none)
  }

  @Test func buffersComeFromThisProcessesArena() throws {
    let before = SecureMemory.usage
    let buffer = try #require(SecureBuffer<UInt8>(capacity: 40 << 20))
    let during = SecureMemory.usage
    #expect(
      during.lockedByteCount + during.unlockedByteCount
        >= before.lockedByteCount + before.unlockedByteCount + buffer.capacity - 4 << 20)
  }

  @Test func whatNobodyHasIsRefused() {
    let arena = SecureArena(processID: 1)
    #expect(arena.allocate(byteCount: .max) == nil)
    #expect(arena.allocate(byteCount: .max - 4095) == nil)
    #expect(arena.allocate(byteCount: 1 << 60) == nil)
    #expect(arena.slabCount == 0)
  }
}

@Suite struct SecureLogTests {
  @Test func elementsAreFoundInPiecesOfEverySize() throws {
    for doublings in 0...4 {
      let log = SecureLog<UInt32>(firstCapacity: 3, doublings: doublings)
      for value in 0..<500 { #expect(log.append(UInt32(value))) }
      #expect(log.count == 500)
      #expect((0..<500).allSatisfy { log.element(at: $0) == UInt32($0) })
    }
  }

  @Test func runsStayInOnePieceAndDoNotMove() throws {
    let log = SecureLog<UInt8>(firstCapacity: 16, doublings: 3)
    var runs: [(UnsafeBufferPointer<UInt8>, UInt8)] = []
    for length in [1, 15, 16, 17, 0, 200, 5, 128, 129] {
      let run = try #require(
        log.append(capacity: length) { room in
          for index in 0..<length { room[index] = UInt8(truncatingIfNeeded: length) }
          return length
        })
      runs.append((run, UInt8(truncatingIfNeeded: length)))
    }
    #expect(runs.map(\.0.count) == [1, 15, 16, 17, 0, 200, 5, 128, 129])
    #expect(runs.allSatisfy { run, byte in run.allSatisfy { $0 == byte } })
  }
}

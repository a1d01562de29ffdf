// Owns: the memory of all cached keys and values, reserved once, handed out in blocks of 64 positions.
// Must not: know sequences or tokens.

public import VialModel
public import VialSystem

/// A fixed number of KV blocks.
///
/// Not thread-safe: the runner's thread owns it.
public final class KVBlockPool {
  /// What a block looks like inside.
  public let layout: KVCacheLayout
  /// Blocks in all.
  public let blockCount: Int
  private let memory: WorkMemory
  private var free: [UnsafeMutablePointer<UInt8>]

  /// Reserves the memory (untouched pages cost nothing); nil when it is short.
  public init?(layout: KVCacheLayout, blockCount: Int, memory source: MemorySource? = nil) {
    let (total, overflow) = layout.blockByteCount.multipliedReportingOverflow(by: blockCount)
    guard blockCount > 0, !overflow, let memory = WorkMemory(byteCount: total, source: source)
    else { return nil }
    self.layout = layout
    self.blockCount = blockCount
    self.memory = memory
    // The last one is taken first: handing out in address order keeps first touches sequential.
    free = (0..<blockCount).reversed().map {
      memory.elements(UInt8.self) + $0 * layout.blockByteCount
    }
  }

  /// Blocks that nobody holds.
  public var freeCount: Int { free.count }

  /// A block for one sequence, or nil when all are taken.
  func take() -> UnsafeMutablePointer<UInt8>? { free.popLast() }

  /// Gives a block back; its contents, which a patient's text determined, are wiped.
  func release(_ block: UnsafeMutablePointer<UInt8>) {
    block.update(repeating: 0, count: layout.blockByteCount)
    free.append(block)
  }
}

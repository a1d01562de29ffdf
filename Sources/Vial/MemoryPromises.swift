// Owns: what an engine can say of its memory: what may reach swap, what may be in a core dump.
// Must not: change any of it.

import VialSystem

/// Where patients' text, token ids and what is computed from them may end up besides memory.
public struct MemoryPromises: Sendable, Equatable {
  /// Bytes that cannot reach swap.
  public let lockedByteCount: Int
  /// Bytes that can.
  public let unlockedByteCount: Int
  /// Bytes that may be in a core dump, because the system refused to leave them out.
  public let dumpableByteCount: Int
  /// Whether some memory for text and ids of requests, of all engines of the process, can reach
  /// swap.
  public let isTextUnlocked: Bool
  /// Whether some memory for activations, logits and scratch can.
  public let isWorkUnlocked: Bool
  /// Whether the KV cache can.
  public let isCacheUnlocked: Bool

  init(text: SecureMemory.Usage, work: MemoryAccount, cache: MemoryAccount) {
    lockedByteCount = text.lockedByteCount + work.lockedByteCount + cache.lockedByteCount
    unlockedByteCount =
      text.unlockedByteCount + work.unlockedByteCount + cache.unlockedByteCount
    dumpableByteCount =
      text.dumpableByteCount + work.dumpableByteCount + cache.dumpableByteCount
    isTextUnlocked = text.unlockedByteCount > 0
    isWorkUnlocked = work.unlockedByteCount > 0
    isCacheUnlocked = cache.unlockedByteCount > 0
  }
}

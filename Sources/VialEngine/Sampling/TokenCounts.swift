// Owns: how often ids occur in the texts that penalties count.
// Must not: be kept longer than its text: it is wiped on release. It knows ids, no logits.

internal import VialCompute
internal import VialSystem

/// Counts of one request's ids, in a hash table that grows with the number of different ones.
///
/// They follow from the request's ids alone: a request that lost its blocks keeps its ids, and so
/// its counts. The engine's thread changes them, between steps.
struct TokenCounts {
  /// Which ids a penalty counts at the moment.
  private struct Part {
    let reach: PenaltyReach
    /// Whether it is the repetition penalty.
    let isRepetition: Bool
    /// Indices in the request's ids.
    var range = 0..<0
  }

  private let promptCount: Int
  private var parts: [Part] = []
  /// A power of two of entries; those without an id are free.
  private var table: SecureBuffer<TokenCount>
  /// Entries with an id, those whose counts are 0 again included.
  private var usedCount = 0
  private static let free = UInt32.max
  private static let firstCapacity = 64

  /// Counts of nothing; nil when memory is short.
  init?(_ sampling: SamplingParameters, promptCount: Int) {
    guard let table = Self.table(capacity: Self.firstCapacity) else { return nil }
    self.table = table
    self.promptCount = promptCount
    if sampling.repetitionPenalty != 1 {
      parts.append(Part(reach: sampling.repetitionReach, isRepetition: true))
    }
    if sampling.frequencyPenalty != 0 || sampling.presencePenalty != 0 {
      parts.append(Part(reach: sampling.penaltyReach, isRepetition: false))
    }
  }

  /// All entries, free ones included, for C; valid until the next change.
  var entries: UnsafeBufferPointer<TokenCount> {
    UnsafeBufferPointer(start: table.pointer, count: table.count)
  }

  /// Counts what the penalties see of `tokens`, which has grown since the last call; false when
  /// memory is short. O(1) for each new id.
  mutating func update(_ tokens: SecureBuffer<UInt32>) -> Bool {
    let ids = tokens.pointer
    for index in parts.indices {
      let (old, isRepetition) = (parts[index].range, parts[index].isRepetition)
      let new = parts[index].reach.range(promptCount: promptCount, tokenCount: tokens.count)
      for index in max(old.upperBound, new.lowerBound)..<max(old.upperBound, new.upperBound) {
        guard change(ids[index], isRepetition, by: 1) else { return false }
      }
      for index in old.lowerBound..<max(old.lowerBound, min(old.upperBound, new.lowerBound)) {
        guard change(ids[index], isRepetition, by: -1) else { return false }
      }
      parts[index].range = new
    }
    return true
  }

  private mutating func change(_ id: UInt32, _ isRepetition: Bool, by step: Int) -> Bool {
    if (usedCount + 1) * 4 > table.count * 3, !grow() { return false }
    let slot = Self.slot(of: id, in: table)
    if table.pointer[slot].id == Self.free { usedCount += 1 }
    table.update(at: slot) { entry in
      var entry = entry
      entry.id = id
      if isRepetition {
        entry.repeated = UInt32(clamping: Int(entry.repeated) + step)
      } else {
        entry.counted = UInt32(clamping: Int(entry.counted) + step)
      }
      return entry
    }
    return true
  }

  /// Grows the table to twice as many ids as count at the moment.
  private mutating func grow() -> Bool {
    let live = entries.filter { $0.id != Self.free && ($0.repeated > 0 || $0.counted > 0) }.count
    var capacity = Self.firstCapacity
    while capacity < 4 * live { capacity *= 2 }
    guard let larger = Self.table(capacity: capacity) else { return false }
    for entry in entries where entry.id != Self.free && (entry.repeated > 0 || entry.counted > 0) {
      larger.update(at: Self.slot(of: entry.id, in: larger)) { _ in entry }
    }
    table = larger
    usedCount = live
    return true
  }

  private static func table(capacity: Int) -> SecureBuffer<TokenCount>? {
    guard let table = SecureBuffer<TokenCount>(capacity: capacity) else { return nil }
    for _ in 0..<capacity { table.append(TokenCount(id: free)) }
    return table
  }

  /// The slot of an id, or the free one for it (linear probing; there is always a free entry).
  private static func slot(of id: UInt32, in table: SecureBuffer<TokenCount>) -> Int {
    let mask = table.count - 1
    var slot = Int(id &* 0x9E37_79B1 >> 8) & mask
    while table.pointer[slot].id != id, table.pointer[slot].id != free {
      slot = (slot + 1) & mask
    }
    return slot
  }
}

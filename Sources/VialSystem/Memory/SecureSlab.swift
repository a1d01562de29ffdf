// Owns: one mapping of an arena, cut into frames of 4 KiB, and frames cut into slots.
// Must not: lock itself against other threads, or keep a note inside the memory: all of it is for
// secrets.

internal import CVialMemory
internal import CVialSystem

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// A frame: free, part of a run of whole frames, or cut into slots of one size.
struct SecureFrame {
  static let byteCount = 4096
  /// log2 of a slot's bytes; 0: no slots.
  var slotLog2: UInt8 = 0
  /// Whether the frame has an owner or slots.
  var isUsed = false
  /// A bit for each slot that is used.
  var usedSlots: UInt64 = 0
  /// Neighbours in the list of frames of one slot size that have room.
  var previous: UnsafeMutablePointer<SecureFrame>?
  var next: UnsafeMutablePointer<SecureFrame>?
  /// Where the frame lies.
  let slab: Unmanaged<SecureSlab>
  let index: Int

  var slotCount: Int { Self.byteCount >> Int(slotLog2) }
  var isFull: Bool { usedSlots.nonzeroBitCount == slotCount }
}

/// A mapping. Its bytes are zeros wherever no block lies.
final class SecureSlab {
  let base: UnsafeMutableRawPointer
  let frameCount: Int
  /// The process that mapped it.
  let processID: Int32
  /// Whether its pages cannot reach swap.
  let isLocked: Bool
  /// Whether its pages are left out of core dumps.
  let isHidden: Bool
  /// Whether it is all one block's: nothing is noted of its frames.
  let isWhole: Bool
  private(set) var usedCount: Int
  /// Where it stands in the arena's list of slabs with free frames; nil: it is not there.
  var position: Int?
  private let frames: UnsafeMutablePointer<SecureFrame>
  /// No run of free frames is longer.
  private var longestFree: Int

  var byteCount: Int { frameCount * SecureFrame.byteCount }
  var isEmpty: Bool { usedCount == 0 }
  var isFull: Bool { usedCount == frameCount }

  /// Maps `frameCount` frames, a multiple of the system's pages; nil when memory is short.
  /// - Parameters:
  ///   - isWhole: whether all of it is one block's, from the beginning.
  ///   - lock: locks pages; false when it cannot.
  init?(
    frameCount: Int, isWhole: Bool, processID: Int32,
    lock: (UnsafeMutableRawPointer, Int) -> Bool
  ) {
    let (byteCount, overflow) = frameCount.multipliedReportingOverflow(by: SecureFrame.byteCount)
    let notedCount = isWhole ? 0 : frameCount
    let noteByteCount = notedCount * MemoryLayout<SecureFrame>.stride
    guard !overflow, let notes = vial_memory_allocate(noteByteCount) else { return nil }
    var isHidden = false
    guard let base = vial_map_private(byteCount, &isHidden) else {
      free(notes)
      return nil
    }
    self.isHidden = isHidden
    self.base = base
    self.processID = processID
    self.frameCount = frameCount
    self.isWhole = isWhole
    isLocked = lock(base, byteCount)
    usedCount = isWhole ? frameCount : 0
    longestFree = isWhole ? 0 : frameCount
    frames = notes.bindMemory(to: SecureFrame.self, capacity: notedCount)
    let this = Unmanaged.passUnretained(self)
    for index in 0..<notedCount {
      (frames + index).initialize(to: SecureFrame(slab: this, index: index))
    }
  }

  deinit {
    free(frames)
    vial_unmap(base, byteCount)
  }

  /// Takes `count` free frames in a row, the first ones that there are; nil when there are not so
  /// many.
  func takeRun(_ count: Int) -> Int? {
    guard count <= longestFree else { return nil }
    var (start, longest) = (0, 0)
    for index in 0...frameCount {
      if index < frameCount, !frames[index].isUsed {
        guard index - start + 1 == count else { continue }
        for taken in start...index { frames[taken].isUsed = true }
        usedCount += count
        return start
      }
      longest = max(longest, index - start)
      start = index + 1
    }
    longestFree = longest
    return nil
  }

  /// Gives all of it back.
  func releaseWhole() { usedCount = 0 }

  /// Gives frames back.
  func releaseRun(_ start: Int, _ count: Int) {
    for index in start..<start + count {
      frames[index].isUsed = false
      frames[index].slotLog2 = 0
      frames[index].usedSlots = 0
    }
    usedCount -= count
    longestFree = frameCount
  }

  func frame(_ index: Int) -> UnsafeMutablePointer<SecureFrame> { frames + index }

  /// The frame that an address of this slab lies in.
  func frame(at address: UnsafeMutableRawPointer) -> UnsafeMutablePointer<SecureFrame> {
    frames + (address - base) / SecureFrame.byteCount
  }

  func address(ofFrame index: Int) -> UnsafeMutableRawPointer {
    base + index * SecureFrame.byteCount
  }
}

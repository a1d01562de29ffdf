// Owns: the memory of secrets: few mappings, locked as wholes, cut into blocks whatever their
// number.
// Must not: lock or unlock single pages: a page's neighbours are other patients'.
//
// Blocks up to 2 KiB are slots of a power of two in a frame of 4 KiB, larger ones runs of frames in
// a slab, and those that would take a quarter of the largest slab a slab of their own. Slabs grow
// from 64 KiB to 1 MiB, so that a small limit on locked memory is used, and many blocks need few
// mappings. A slab without blocks goes back to the system.

internal import CVialSystem

/// Hands out blocks of zeros. Any thread.
package final class SecureArena: Sendable {
  /// Frames of the first slab and of the largest shared one. Multiples of every page size up to 64
  /// KiB.
  private static let firstFrameCount = 16
  private static let largestFrameCount = 256
  /// log2 of the smallest and the largest slot.
  private static let smallestSlot = 6
  private static let largestSlot = 11

  private struct State {
    /// Slabs that there are. Each is retained by hand, so that their number costs nothing here.
    var slabCount = 0
    /// Slabs with free frames.
    var roomy: [SecureSlab] = []
    /// By log2 of the slots: the first frame with room.
    var partial = [UnsafeMutablePointer<SecureFrame>?](repeating: nil, count: 12)
    var usage = SecureMemory.Usage()
  }

  /// The process that made it.
  package let processID: Int32
  private let state: Locked<State>
  private let lock: @Sendable (UnsafeMutableRawPointer, Int) -> Bool

  /// - Parameter lock: locks pages; false when it cannot.
  package init(
    processID: Int32,
    lock: @escaping @Sendable (UnsafeMutableRawPointer, Int) -> Bool = { SecureArena.lock($0, $1) }
  ) {
    self.processID = processID
    self.lock = lock
    state = Locked(State())
  }

  /// Asks the system to keep pages out of swap.
  private static func lock(_ pages: UnsafeMutableRawPointer, _ byteCount: Int) -> Bool {
    vial_lock_pages(pages, byteCount) == 0
  }

  /// Mapped bytes, by whether they are locked.
  package var usage: SecureMemory.Usage { state.withLock(\.usage) }

  /// Mappings that it asked for; neighbours may be one to the system.
  package var slabCount: Int { state.withLock(\.slabCount) }

  /// Zeros at a multiple of 64, or nil when memory is short. O(1) for small ones, O(slabs) for
  /// others.
  package func allocate(byteCount: Int) -> SecureBlock? {
    let slotLog2 = Self.slotLog2(for: byteCount)
    let found = state.withLock { state -> (base: UnsafeMutableRawPointer, slab: SecureSlab)? in
      guard slotLog2 > Self.largestSlot else { return takeSlot(slotLog2, &state) }
      guard let (slab, start) = takeRun(Self.frameCount(for: byteCount), &state) else { return nil }
      return (slab.address(ofFrame: start), slab)
    }
    guard let found else { return nil }
    return SecureBlock(
      base: found.base, byteCount: byteCount, processID: processID,
      slab: .passUnretained(found.slab))
  }

  /// Takes back a block, which was wiped.
  package func release(_ block: SecureBlock) {
    let gone = state.withLock { state -> SecureSlab? in
      let slab = block.slab.takeUnretainedValue()
      if slab.isWhole {
        slab.releaseWhole()
        return settle(slab, &state)
      }
      let frame = slab.frame(at: block.base)
      if frame.pointee.slotLog2 == 0 {
        slab.releaseRun(frame.pointee.index, Self.frameCount(for: block.byteCount))
      } else {
        releaseSlot(block.base, frame, &state)
      }
      return settle(slab, &state)
    }
    // Unmapped here, where nobody waits for it.
    withExtendedLifetime(gone) {}
  }

  private static func frameCount(for byteCount: Int) -> Int {
    byteCount / SecureFrame.byteCount + (byteCount % SecureFrame.byteCount > 0 ? 1 : 0)
  }

  private static func slotLog2(for byteCount: Int) -> Int {
    byteCount <= 1 << smallestSlot
      ? smallestSlot : Int.bitWidth - (byteCount - 1).leadingZeroBitCount
  }

  // MARK: Slots

  private func takeSlot(
    _ slotLog2: Int, _ state: inout State
  ) -> (base: UnsafeMutableRawPointer, slab: SecureSlab)? {
    if state.partial[slotLog2] == nil {
      guard let (slab, start) = takeRun(1, &state) else { return nil }
      let frame = slab.frame(start)
      frame.pointee.slotLog2 = UInt8(slotLog2)
      link(frame, &state)
    }
    guard let frame = state.partial[slotLog2] else { return nil }
    let slot = (~frame.pointee.usedSlots).trailingZeroBitCount
    frame.pointee.usedSlots |= 1 << UInt64(slot)
    if frame.pointee.isFull { unlink(frame, &state) }
    let slab = frame.pointee.slab.takeUnretainedValue()
    return (slab.address(ofFrame: frame.pointee.index) + slot << slotLog2, slab)
  }

  private func releaseSlot(
    _ base: UnsafeMutableRawPointer, _ frame: UnsafeMutablePointer<SecureFrame>,
    _ state: inout State
  ) {
    let slab = frame.pointee.slab.takeUnretainedValue()
    let slot = (base - slab.address(ofFrame: frame.pointee.index)) >> Int(frame.pointee.slotLog2)
    if frame.pointee.isFull { link(frame, &state) }
    frame.pointee.usedSlots &= ~(1 << UInt64(slot))
    guard frame.pointee.usedSlots == 0 else { return }
    unlink(frame, &state)
    slab.releaseRun(frame.pointee.index, 1)
  }

  private func link(_ frame: UnsafeMutablePointer<SecureFrame>, _ state: inout State) {
    let size = Int(frame.pointee.slotLog2)
    let first = state.partial[size]
    frame.pointee.previous = nil
    frame.pointee.next = first
    first?.pointee.previous = frame
    state.partial[size] = frame
  }

  private func unlink(_ frame: UnsafeMutablePointer<SecureFrame>, _ state: inout State) {
    let (before, after) = (frame.pointee.previous, frame.pointee.next)
    if let before {
      before.pointee.next = after
    } else {
      state.partial[Int(frame.pointee.slotLog2)] = after
    }
    after?.pointee.previous = before
  }

  // MARK: Slabs

  /// Frames in a row, of a slab that has them or of a new one.
  private func takeRun(_ count: Int, _ state: inout State) -> (SecureSlab, Int)? {
    guard count <= Self.largestFrameCount / 4 else {
      return makeSlab(count, isWhole: true, &state).map { ($0, 0) }
    }
    for slab in state.roomy {
      guard let start = slab.takeRun(count) else { continue }
      _ = settle(slab, &state)
      return (slab, start)
    }
    let usual = Self.firstFrameCount << min(state.slabCount, 4)
    guard let slab = makeSlab(max(count, usual), isWhole: false, &state),
      let start = slab.takeRun(count)
    else { return nil }
    _ = settle(slab, &state)
    return (slab, start)
  }

  /// A new slab of so many frames, or a few more; nil when memory is short.
  private func makeSlab(_ count: Int, isWhole: Bool, _ state: inout State) -> SecureSlab? {
    let (padded, overflow) = count.addingReportingOverflow(Self.firstFrameCount - 1)
    let frameCount = padded / Self.firstFrameCount * Self.firstFrameCount
    guard !overflow,
      let slab = SecureSlab(
        frameCount: frameCount, isWhole: isWhole, processID: processID, lock: lock)
    else { return nil }
    _ = Unmanaged.passRetained(slab)
    state.slabCount += 1
    state.usage.add(
      slab.byteCount, count: 1, isLocked: slab.isLocked, isHidden: slab.isHidden)
    return slab
  }

  /// Puts a slab where it belongs; returns it when it is empty, for the caller to let go of.
  private func settle(_ slab: SecureSlab, _ state: inout State) -> SecureSlab? {
    if slab.isFull || slab.isEmpty {
      if let position = slab.position {
        state.roomy.swapAt(position, state.roomy.count - 1)
        state.roomy[position].position = position
        state.roomy.removeLast()
        slab.position = nil
      }
    } else if slab.position == nil {
      slab.position = state.roomy.count
      state.roomy.append(slab)
    }
    guard slab.isEmpty else { return nil }
    state.usage.add(
      slab.byteCount, count: -1, isLocked: slab.isLocked, isHidden: slab.isHidden)
    Unmanaged.passUnretained(slab).release()
    state.slabCount -= 1
    return slab
  }
}

// Owns: handles: which are live, in which process, and what they stand for.
// Must not: hold its lock while a model is opened, used or released, or touch the parent's lock after a fork.

import CVial
import Synchronization
import Vial
import VialSystem

/// The live handles of one process.
///
/// A handle is a number in a pointer's clothes, never dereferenced: bit 0 set, 16 bits of slot, 15 of epoch
/// (which process of a line of forks made it), 32 of generation (how often the slot was used before). A stale or
/// invented handle is therefore found out, not followed.
final class HandleRegistry: Sendable {
  private struct Slot {
    var generation: UInt32
    var model: Model?
  }

  private struct Table {
    var slots: [Slot] = []
    var free: [Int] = []
  }

  private static let current = Atomic<Unmanaged<HandleRegistry>?>(nil)
  private let processID: Int32
  private let epoch: UInt
  private let table = Guarded(Table())

  private init(processID: Int32, epoch: UInt) {
    self.processID = processID
    self.epoch = epoch
  }

  /// This process's registry. The child of a fork gets one of its own: the parent's lock may have been held by
  /// a thread that does not exist here.
  private static func forThisProcess() -> HandleRegistry {
    let processID = RunningProcess.identifier
    var known = current.load(ordering: .acquiring)
    while true {
      let registry = known?.takeUnretainedValue()
      if let registry, registry.processID == processID { return registry }
      let fresh = Unmanaged.passRetained(
        HandleRegistry(processID: processID, epoch: ((registry?.epoch ?? 0) + 1) & 0x7FFF))
      let (exchanged, original) = current.compareExchange(
        expected: known, desired: fresh, ordering: .acquiringAndReleasing)
      if exchanged { return fresh.takeUnretainedValue() }
      fresh.release()
      known = original
    }
  }

  /// A handle for `model`.
  static func register(_ model: Model) throws(Failure) -> OpaquePointer {
    let registry = forThisProcess()
    let place = registry.table.withLock { table -> (slot: Int, generation: UInt32)? in
      if let slot = table.free.popLast() {
        table.slots[slot].model = model
        return (slot, table.slots[slot].generation)
      }
      guard table.slots.count < Int(VIAL_MODEL_LIMIT) else { return nil }
      table.slots.append(Slot(generation: 1, model: model))
      return (table.slots.count - 1, 1)
    }
    guard let place else { throw Failure(VIAL_STATUS_TOO_MANY_HANDLES) }
    let bits = 1 | UInt(place.slot) << 1 | registry.epoch << 17 | UInt(place.generation) << 32
    guard let handle = OpaquePointer(bitPattern: bits) else {
      throw Failure(VIAL_STATUS_TOO_MANY_HANDLES)
    }
    return handle
  }

  /// What `handle` stands for; it stays alive while the caller holds it, closed or not.
  static func model(_ handle: OpaquePointer?) throws(Failure) -> Model {
    let (registry, slot, generation) = try locate(handle)
    let model = registry.table.withLock { table -> Model? in
      guard slot < table.slots.count, table.slots[slot].generation == generation else {
        return nil
      }
      return table.slots[slot].model
    }
    guard let model else { throw Failure(VIAL_STATUS_INVALID_HANDLE) }
    return model
  }

  /// Forgets `handle`. The model goes with the last call that uses it, outside the lock.
  static func remove(_ handle: OpaquePointer?) throws(Failure) {
    let (registry, slot, generation) = try locate(handle)
    let model = registry.table.withLock { table -> Model? in
      guard slot < table.slots.count, table.slots[slot].generation == generation else {
        return nil
      }
      let model = table.slots[slot].model
      table.slots[slot].model = nil
      table.slots[slot].generation &+= 1
      // A slot whose generations are used up is never used again.
      if table.slots[slot].generation != 0 { table.free.append(slot) }
      return model
    }
    guard model != nil else { throw Failure(VIAL_STATUS_INVALID_HANDLE) }
  }

  /// Takes a handle apart, without a lock.
  private static func locate(
    _ handle: OpaquePointer?
  ) throws(Failure) -> (registry: HandleRegistry, slot: Int, generation: UInt32) {
    let bits = UInt(bitPattern: handle)
    guard bits & 1 == 1,
      let registry = current.load(ordering: .acquiring)?.takeUnretainedValue()
    else { throw Failure(VIAL_STATUS_INVALID_HANDLE) }
    let epoch = bits >> 17 & 0x7FFF
    guard registry.processID == RunningProcess.identifier, epoch == registry.epoch else {
      throw Failure(
        epoch <= registry.epoch ? VIAL_STATUS_FORKED : VIAL_STATUS_INVALID_HANDLE)
    }
    return (registry, Int(bits >> 1 & 0xFFFF), UInt32(truncatingIfNeeded: bits >> 32))
  }
}

// Owns: handles: which are live, in which process, and what they stand for.
// Must not: hold its lock while a target is made, used or released, or touch the parent's lock
// after a fork.

import CVial
import Synchronization
import Vial
import VialEngine
import VialFormat
import VialSystem

/// The live handles of one process.
///
/// A handle is a number in a pointer's clothes, never dereferenced: bit 0 set, 16 bits of slot, 15
/// of epoch (which process of a line of forks made it), 32 of generation (how often the slot was
/// used before). A stale or invented handle is therefore found out, not followed.
final class HandleRegistry: Sendable {
  /// What a handle stands for.
  enum Target {
    case model(Model)
    case engine(Engine)
    case request(Request)
  }

  private struct Slot {
    var generation: UInt32
    var target: Target?
  }

  private struct Table {
    var slots: [Slot] = []
    var free: [Int] = []

    /// Bytes that a list takes when it grows, were it now. Closing needs none: there is room for
    /// every slot in `free`.
    var growthByteCount: Int {
      guard slots.count == slots.capacity else { return 0 }
      return 4 * max(16, slots.count) * (MemoryLayout<Slot>.stride + MemoryLayout<Int>.stride)
    }
  }

  private static let current = Atomic<Unmanaged<HandleRegistry>?>(nil)
  private let processID: Int32
  private let epoch: UInt
  private let table = Locked(Table())

  private init(processID: Int32, epoch: UInt) {
    self.processID = processID
    self.epoch = epoch
  }

  /// This process's registry. The child of a fork gets one of its own: the parent's lock may have
  /// been held by a thread that does not exist here.
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

  /// A handle for `target`.
  static func register(_ target: Target) throws(Failure) -> OpaquePointer {
    let registry = forThisProcess()
    let held = registry.table.withLock { $0.growthByteCount }
    guard MemoryReserve.hold(held) else { throw Failure(VIAL_STATUS_OUT_OF_MEMORY) }
    defer { MemoryReserve.release(held) }
    let position = registry.table.withLock { table -> (slot: Int, generation: UInt32)? in
      if let slot = table.free.popLast() {
        table.slots[slot].target = target
        return (slot, table.slots[slot].generation)
      }
      guard table.slots.count < Int(VIAL_HANDLE_LIMIT) else { return nil }
      table.slots.append(Slot(generation: 1, target: target))
      table.free.reserveCapacity(table.slots.capacity)
      return (table.slots.count - 1, 1)
    }
    guard let position else { throw Failure(VIAL_STATUS_TOO_MANY_HANDLES) }
    let bits = 1 | UInt(position.slot) << 1 | registry.epoch << 17 | UInt(position.generation) << 32
    guard let handle = OpaquePointer(bitPattern: bits) else {
      throw Failure(VIAL_STATUS_TOO_MANY_HANDLES)
    }
    return handle
  }

  /// The model that `handle` stands for; it stays alive while the caller holds it, closed or not.
  static func model(_ handle: OpaquePointer?) throws(Failure) -> Model {
    guard case .model(let model) = try target(handle) else {
      throw Failure(VIAL_STATUS_INVALID_HANDLE)
    }
    return model
  }

  /// The engine, in the same way.
  static func engine(_ handle: OpaquePointer?) throws(Failure) -> Engine {
    guard case .engine(let engine) = try target(handle) else {
      throw Failure(VIAL_STATUS_INVALID_HANDLE)
    }
    return engine
  }

  /// The request, in the same way.
  static func request(_ handle: OpaquePointer?) throws(Failure) -> Request {
    guard case .request(let request) = try target(handle) else {
      throw Failure(VIAL_STATUS_INVALID_HANDLE)
    }
    return request
  }

  private static func target(_ handle: OpaquePointer?) throws(Failure) -> Target {
    let (registry, slot, generation) = try locate(handle)
    let target = registry.table.withLock { table -> Target? in
      guard slot < table.slots.count, table.slots[slot].generation == generation else {
        return nil
      }
      return table.slots[slot].target
    }
    guard let target else { throw Failure(VIAL_STATUS_INVALID_HANDLE) }
    return target
  }

  /// Forgets `handle` if `isRight` says so of its target, which then goes with the last call that
  /// uses it, outside the lock.
  static func remove(
    _ handle: OpaquePointer?, if isRight: (Target) -> Bool
  ) throws(Failure) -> Target {
    let (registry, slot, generation) = try locate(handle)
    let target = registry.table.withLock { table -> Target? in
      guard slot < table.slots.count, table.slots[slot].generation == generation,
        let target = table.slots[slot].target, isRight(target)
      else { return nil }
      table.slots[slot].target = nil
      table.slots[slot].generation &+= 1
      // A slot whose generations are used up is never used again.
      if table.slots[slot].generation != 0 { table.free.append(slot) }
      return target
    }
    guard let target else { throw Failure(VIAL_STATUS_INVALID_HANDLE) }
    return target
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

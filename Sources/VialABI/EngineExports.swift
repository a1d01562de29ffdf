// Owns: the exports that open, describe and close an engine.
// Must not: hold logic.
// The names are those of the header:
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CVial
import Vial
import VialCompute
import VialEngine
import VialFormat
import VialSystem

@_cdecl("vial_engine_open") @implementation
public func vial_engine_open(
  _ model: OpaquePointer!, _ options: UnsafePointer<vial_engine_options>!,
  _ out_engine: UnsafeMutablePointer<OpaquePointer?>!,
  _ out_error: UnsafeMutablePointer<vial_error>!
) -> vial_status {
  status(out_error) { () throws(Failure) in
    let destination = try CArguments.destination(out_engine)
    destination.pointee = nil
    let model = try HandleRegistry.model(model)
    let options = try EngineOptions(
      Structures.options(options, defaults: vial_engine_options()))
    let engine: Engine
    do throws(VialError) {
      engine = try Engine(model: model, options: options)
    } catch { throw Failure(error) }
    destination.pointee = try HandleRegistry.register(.engine(engine))
  }
}

extension EngineOptions {
  fileprivate init(_ options: vial_engine_options) throws(Failure) {
    try CArguments.check(
      flags: options.flags, known: VIAL_ENGINE_NO_SHARING | VIAL_ENGINE_LOCK_MEMORY)
    try CArguments.check(reserved: options.reserved)
    guard options.queue_limit <= 1 << 20, options.tenant_queue_limit <= 1 << 20,
      options.running_limit <= VIAL_RUNNING_LIMIT, options.step_prompt_tokens <= 1 << 16,
      (options.allocate == nil) == (options.release == nil)
    else { throw Failure(VIAL_STATUS_INVALID_ARGUMENT) }
    self.init(compute: try ComputeOptions(options))
    if options.queue_limit > 0 { queueLimit = Int(options.queue_limit) }
    if options.tenant_queue_limit > 0 { tenantQueueLimit = Int(options.tenant_queue_limit) }
    if options.cache_byte_limit > 0 { cacheByteLimit = Int(clamping: options.cache_byte_limit) }
    if options.running_limit > 0 { runningLimit = Int(options.running_limit) }
    if options.step_prompt_tokens > 0 { stepPromptTokens = Int(options.step_prompt_tokens) }
    sharesPrefixes = options.flags & UInt32(VIAL_ENGINE_NO_SHARING) == 0
    memory = MemorySource(options)
    locksMemory = options.flags & UInt32(VIAL_ENGINE_LOCK_MEMORY) != 0
    if let log = options.log {
      let context = HostContext(options.log_context)
      self.log = { line in
        line.sentence.withCString { log(context.pointer, line.level.rawValue, $0) }
      }
    }
  }
}

extension MemorySource {
  /// The host's allocator, when it gave one.
  fileprivate init?(_ options: vial_engine_options) {
    guard let allocate = options.allocate, let release = options.release else { return nil }
    let context = HostContext(options.memory_context)
    self.init(
      allocate: { allocate(context.pointer, UInt64($0), 4096) },
      release: { release(context.pointer, $0, UInt64($1)) })
  }
}

/// A pointer of the host's, handed back to it as it is.
struct HostContext: @unchecked Sendable {
  let pointer: UnsafeMutableRawPointer?

  init(_ pointer: UnsafeMutableRawPointer?) { self.pointer = pointer }
}

@_cdecl("vial_engine_close") @implementation
public func vial_engine_close(_ engine: OpaquePointer!) -> vial_status {
  status(reserve: 0) { () throws(Failure) in
    guard engine != nil else { return }
    guard !BatchEngine.isOnDeliveryThread else { throw Failure(VIAL_STATUS_IN_CALLBACK) }
    let target = try HandleRegistry.remove(engine) { target in
      if case .engine = target { true } else { false }
    }
    if case .engine(let engine) = target { engine.close() }
  }
}

@_cdecl("vial_engine_get_info") @implementation
public func vial_engine_get_info(
  _ engine: OpaquePointer!, _ out_info: UnsafeMutablePointer<vial_engine_info>!
) -> vial_status {
  status(reporting: out_info) { () throws(Failure) in
    let engine = try HandleRegistry.engine(engine)
    var info = vial_engine_info()
    info.thread_count = UInt32(clamping: engine.threadCount)
    info.position_limit = UInt64(engine.positionLimit)
    info.cache_position_count = UInt64(engine.cachePositionCount)
    info.cache_byte_count = UInt64(engine.cacheByteCount)
    info.isa = KernelFamily(named: engine.familyName)?.staticName
    info.add(engine.memoryPromises)
    return info
  }
}

extension vial_engine_info {
  fileprivate mutating func add(_ memory: MemoryPromises) {
    let flags = [
      (memory.isTextUnlocked, VIAL_MEMORY_TEXT_UNLOCKED),
      (memory.isWorkUnlocked, VIAL_MEMORY_WORK_UNLOCKED),
      (memory.isCacheUnlocked, VIAL_MEMORY_CACHE_UNLOCKED),
      (memory.dumpableByteCount > 0, VIAL_MEMORY_DUMPABLE),
    ]
    for (isSet, flag) in flags where isSet { memory_flags |= UInt32(flag) }
    locked_byte_count = UInt64(memory.lockedByteCount)
    unlocked_byte_count = UInt64(memory.unlockedByteCount)
    dumpable_byte_count = UInt64(memory.dumpableByteCount)
  }
}

@_cdecl("vial_engine_next_event") @implementation
public func vial_engine_next_event(
  _ engine: OpaquePointer!, _ milliseconds: UInt32,
  _ out_event: UnsafeMutablePointer<vial_event>!
) -> vial_status {
  nextEvent(out_event) { () throws(Failure) in
    let engine = try HandleRegistry.engine(engine)
    switch engine.nextEvent(timeout: seconds(milliseconds)) {
    case .event(let event, let request): return vial_event(event, of: request)
    case .timedOut: throw Failure(VIAL_STATUS_TIMED_OUT)
    case .closed: throw Failure(VIAL_STATUS_CLOSED)
    }
  }
}

@_cdecl("vial_engine_get_event_descriptor") @implementation
public func vial_engine_get_event_descriptor(
  _ engine: OpaquePointer!, _ out_descriptor: UnsafeMutablePointer<Int32>!
) -> vial_status {
  status { () throws(Failure) in
    let destination = try CArguments.destination(out_descriptor)
    destination.pointee = -1
    let engine = try HandleRegistry.engine(engine)
    guard let descriptor = engine.eventDescriptor() else { throw Failure(VIAL_STATUS_SYSTEM) }
    destination.pointee = descriptor
  }
}

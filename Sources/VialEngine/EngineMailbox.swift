// Owns: what any thread may ask of an engine's thread: requests, cancellation, commands, the end.
// Must not: schedule or compute. Events of requests go to `EventQueue`.

import VialFormat
import VialSystem

/// The side of an engine that any thread may use. `EngineLoop` drains it.
final class EngineMailbox: Sendable {
  /// What callers ask of the engine's thread besides requests.
  enum Command: Sendable {
    case forget(KeyedCode)
    case weigh(KeyedCode, Double)
  }

  private struct State {
    var arrivals = Arrivals()
    var arrivalCount: UInt64 = 0
    /// Requests that arrived and are not computed yet.
    var queuedCount = 0
    /// Those of each tenant that were never computed, when tenants have a limit.
    var queuedCounts: [KeyedCode: Int] = [:]
    var activeCount = 0
    var hasEnded = false
    var commandCount: UInt64 = 0
    var doneCommandCount: UInt64 = 0
  }

  /// Requests with events that nobody has taken.
  let events = EventQueue()
  /// What block hashes begin with.
  let prefixes: PrefixRoot
  let metrics = Locked(EngineMetrics())
  private let state = ConditionLocked(State())
  private let queueLimit: Int
  private let tenantQueueLimit: Int?
  private let logsLines: Bool
  /// What a step and a delivery may take.
  private let memory: HeldMemory
  /// Bytes of these for each thread that computes.
  private static let threadByteCount = 32 << 10

  /// nil when memory is short.
  init?(prefixes: PrefixRoot, options: EngineOptions, threadCount: Int) {
    guard
      let memory = HeldMemory(
        MemoryReserve.step + MemoryReserve.call + Self.threadByteCount * threadCount)
    else { return nil }
    self.memory = memory
    self.prefixes = prefixes
    queueLimit = options.queueLimit
    tenantQueueLimit = options.tenantQueueLimit
    logsLines = options.log != nil
  }

  // MARK: Any thread

  /// Requests in the queue and requests that are computed.
  var counts: (queued: Int, active: Int) {
    state.withLock { ($0.queuedCount, $0.activeCount) }
  }

  /// Puts a request into the queue.
  func submit(_ request: Request) throws(EngineError) {
    guard request.holdQueueMemory() else { throw .outOfMemory }
    let refusal = state.change { state -> EngineError? in
      if state.arrivals.isClosing { return .closed }
      if state.queuedCount >= queueLimit { return .busy }
      if let tenantQueueLimit {
        let count = state.queuedCounts[request.tenant, default: 0]
        if count >= tenantQueueLimit { return .busy }
        state.queuedCounts[request.tenant] = count + 1
      }
      state.arrivals.requests.append((request, state.arrivalCount))
      state.arrivalCount += 1
      state.queuedCount += 1
      return nil
    }
    metrics.withLock {
      if refusal == nil { $0.submittedCount += 1 }
      if case .busy = refusal { $0.refusedCount += 1 }
    }
    if let refusal { throw refusal }
  }

  /// Notifies the engine's thread that a request was cancelled.
  func wake() { state.change { $0.arrivals.isWoken = true } }

  /// Lets the engine's thread end all requests, and itself.
  func close() { state.change { $0.arrivals.isClosing = true } }

  /// Has the engine's thread execute a command between two steps, and waits until it is done or the
  /// engine has ended.
  func perform(_ command: Command) {
    let number = state.change { state -> UInt64 in
      state.arrivals.commands.append(command)
      state.commandCount += 1
      return state.commandCount
    }
    _ = state.wait { $0.hasEnded || $0.doneCommandCount >= number ? true : nil }
  }

  /// Adds a line to the host's log, when there is one.
  func log(_ level: LogLine.Level, _ sentence: @autoclosure () -> String) {
    if logsLines { events.log(LogLine(level: level, sentence: sentence())) }
  }

  // MARK: The engine's thread

  /// What came since the last call. Without work it waits until something comes.
  func drain(hasWork: Bool) -> Arrivals {
    state.wait { state -> Arrivals? in
      guard hasWork || !state.arrivals.isEmpty else { return nil }
      defer { state.arrivals = Arrivals(isClosing: state.arrivals.isClosing) }
      return state.arrivals
    } ?? Arrivals()
  }

  /// Notifies callers of `perform` that so many commands were executed.
  func finishCommands(_ count: Int) {
    if count > 0 { state.change { $0.doneCommandCount += UInt64(count) } }
  }

  /// Gives a request's tenant its slot in the queue back: it is computed for the first time, or
  /// ended before.
  func leaveQueue(_ request: Request) {
    guard tenantQueueLimit != nil else { return }
    state.withLock { state in
      let count = state.queuedCounts[request.tenant, default: 0]
      state.queuedCounts[request.tenant] = count > 1 ? count - 1 : nil
    }
  }

  /// Publishes how many requests the scheduler has.
  func count(waiting: Int, active: Int) {
    state.withLock { state in
      state.queuedCount = state.arrivals.requests.count + waiting
      state.activeCount = active
    }
  }

  /// Notifies everybody that nothing is executed any more.
  func end() { state.change { $0.hasEnded = true } }
}

/// What came to the engine's thread since it looked last.
struct Arrivals {
  var requests: [(request: Request, number: UInt64)] = []
  var commands: [EngineMailbox.Command] = []
  /// Whether some request was cancelled.
  var isWoken = false
  /// Whether the engine is to end.
  var isClosing = false

  var isEmpty: Bool { !isWoken && !isClosing && requests.isEmpty && commands.isEmpty }
}

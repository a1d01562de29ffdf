// Owns: which requests have events that nobody has taken, and lines for the host's log.
// Must not: hold its lock while a callback runs. Its lock may be held when a request's is taken, never the other
// way round.

import VialSystem

/// The queues between the engine's thread and those who read.
final class Announcements: Sendable {
  private struct State {
    /// Requests whose events are asked for.
    var polled: [Request] = []
    /// Requests with a callback.
    var called: [Request] = []
    var lines: [LogLine] = []
    var isClosed = false
    var descriptor: EventDescriptor?
  }

  /// Work of the delivery thread.
  enum Delivery {
    case event(of: Request)
    case line(LogLine)
    case end
  }

  private let state = Monitor(State())

  /// Puts a request with events at the end of its queue.
  func announce(_ request: Request) {
    state.change { state in
      guard !request.isDetached else { return }
      if request.onEvent != nil {
        state.called.append(request)
      } else {
        state.polled.append(request)
        if state.polled.count == 1 { state.descriptor?.raise() }
      }
    }
  }

  /// Forgets a request that was closed.
  func remove(_ request: Request) {
    state.withLock { state in
      state.polled.removeAll { $0 === request }
      state.called.removeAll { $0 === request }
    }
  }

  /// A line for the log.
  func log(_ line: LogLine) { state.change { $0.lines.append(line) } }

  /// Nothing comes after this.
  func close() {
    state.change { state in
      state.isClosed = true
      state.descriptor?.raise()
    }
  }

  /// The descriptor that is readable while a polled request has events; nil when the process has none left.
  func descriptor() -> EventDescriptor? {
    state.withLock { state in
      if state.descriptor == nil {
        state.descriptor = EventDescriptor()
        if !state.polled.isEmpty || state.isClosed { state.descriptor?.raise() }
      }
      return state.descriptor
    }
  }

  /// The next request with events, or nil in `.some` when all is closed and taken. Outer nil: none in time.
  func nextPolled(until deadline: Double?) -> Request?? {
    state.wait(until: deadline) { state -> Request?? in
      if !state.polled.isEmpty { return .some(state.polled.removeFirst()) }
      if state.isClosed { return .some(nil) }
      state.descriptor?.clear()
      return nil
    }
  }

  /// What the delivery thread does next.
  func nextDelivery() -> Delivery {
    state.wait { state -> Delivery? in
      if !state.lines.isEmpty { return .line(state.lines.removeFirst()) }
      if !state.called.isEmpty { return .event(of: state.called.removeFirst()) }
      return state.isClosed ? .end : nil
    } ?? .end
  }
}

/// A line for the host's log. Never holds text of a prompt, an answer or a file.
public struct LogLine: Sendable {
  /// How serious it is.
  public enum Level: UInt32, Sendable {
    /// Something went as it should.
    case information = 1
    /// Something did not.
    case warning = 2
  }

  /// How serious it is.
  public let level: Level
  /// One sentence.
  public let sentence: String
}

// Owns: which requests have events that nobody has taken, and lines for the host's log.
// Must not: hold its lock while a callback runs. Its lock may be held when a request's is taken,
// never the other way round.

import VialSystem

/// The queues between the engine's thread and whoever takes events.
final class EventQueue: Sendable {
  private struct State {
    /// Requests whose events are polled.
    var polled = RequestQueue()
    /// Requests with a callback.
    var called = RequestQueue()
    /// Lines for the log, and how many of them were taken.
    var lines: [LogLine] = []
    var takenLineCount = 0
    var isClosed = false
    var descriptor: EventDescriptor?

    /// The next line. O(1), amortised.
    mutating func takeLine() -> LogLine? {
      guard takenLineCount < lines.count else { return nil }
      let line = lines[takenLineCount]
      takenLineCount += 1
      if takenLineCount * 2 >= lines.count {
        lines.removeFirst(takenLineCount)
        takenLineCount = 0
      }
      return line
    }
  }

  /// Work of the delivery thread.
  enum Delivery {
    case event(of: Request)
    case line(LogLine)
    case end
  }

  private let state = ConditionLocked(State())

  /// Puts a request with events at the end of its queue.
  func append(_ request: Request) {
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

  /// Takes out a request that was closed.
  func remove(_ request: Request) {
    state.withLock { state in
      if request.onEvent != nil {
        state.called.remove(request)
      } else {
        state.polled.remove(request)
      }
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

  /// The descriptor that is readable while a polled request has events; nil when the process has
  /// none left.
  func descriptor() -> EventDescriptor? {
    state.withLock { state in
      if state.descriptor == nil {
        state.descriptor = EventDescriptor()
        if !state.polled.isEmpty || state.isClosed { state.descriptor?.raise() }
      }
      return state.descriptor
    }
  }

  /// What became of a wait for a polled request.
  enum Poll {
    /// It has events.
    case request(Request)
    /// The queue is closed and empty.
    case closed
    /// The deadline passed.
    case timedOut
  }

  /// Waits until a polled request has events, the queue is closed and empty, or the deadline
  /// passes.
  func poll(until deadline: Double?) -> Poll {
    state.wait(until: deadline) { state -> Poll? in
      if let request = state.polled.popFirst() { return .request(request) }
      if state.isClosed { return .closed }
      state.descriptor?.clear()
      return nil
    } ?? .timedOut
  }

  /// What the delivery thread does next.
  func nextDelivery() -> Delivery {
    state.wait { state -> Delivery? in
      if let line = state.takeLine() { return .line(line) }
      if let request = state.called.popFirst() { return .event(of: request) }
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

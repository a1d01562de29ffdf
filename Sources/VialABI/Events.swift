// Owns: events and endings on their way to C.
// Must not: wait or decide.

import CVial
import Synchronization
import VialEngine

/// Runs the body of an export that hands out an event; on failure the event is empty.
func nextEvent(
  _ output: UnsafeMutablePointer<vial_event>?, _ body: () throws(Failure) -> vial_event
) -> vial_status {
  status { () throws(Failure) in
    guard let output else { throw Failure(VIAL_STATUS_INVALID_ARGUMENT) }
    try Structures.checkOutput(output)
    do throws(Failure) {
      Structures.write(try body(), to: output)
    } catch {
      Structures.write(vial_event(), to: output)
      throw error
    }
  }
}

/// Seconds of a wait; nil for ever.
func seconds(_ milliseconds: UInt32) -> Double? {
  milliseconds == VIAL_WAIT_FOREVER ? nil : Double(milliseconds) / 1000
}

extension vial_event {
  /// An event of a request whose tag is its handle.
  init(_ event: RequestEvent, of request: Request) {
    self.init()
    struct_size = UInt32(MemoryLayout<vial_event>.size)
    self.request = OpaquePointer(bitPattern: request.tag.load(ordering: .acquiring))
    text = vial_text(
      data: UnsafeRawPointer(event.text.baseAddress)?.assumingMemoryBound(to: CChar.self),
      length: UInt64(event.text.count))
    part = UInt32(event.part.rawValue)
    log_probability = event.logProbability
    entropy = event.entropy
    alternatives = UnsafeRawPointer(event.alternatives.baseAddress)?
      .assumingMemoryBound(to: vial_alternative.self)
    alternative_count = UInt64(event.alternatives.count)
    switch event.kind {
    case .token:
      kind = UInt32(VIAL_EVENT_TOKEN)
      token = event.token
    case .finished:
      kind = UInt32(VIAL_EVENT_FINISHED)
      token = VIAL_TOKEN_NONE
      (finish_reason, status) = finish(of: request)
    }
  }
}

/// Reason and status of a request's end; none while it is under way.
func finish(of request: Request) -> (reason: UInt32, status: vial_status) {
  guard let ending = request.ending else {
    return (UInt32(VIAL_FINISH_NONE), vial_status(VIAL_STATUS_OK))
  }
  return (
    ending.reason.number, ending.failure.map { Failure($0).status } ?? vial_status(VIAL_STATUS_OK)
  )
}

extension FinishReason {
  /// `VIAL_FINISH_…`.
  var number: UInt32 {
    let number =
      switch self {
      case .stop: VIAL_FINISH_STOP
      case .budget: VIAL_FINISH_BUDGET
      case .length: VIAL_FINISH_LENGTH
      case .stopString: VIAL_FINISH_STOP_STRING
      case .cancelled: VIAL_FINISH_CANCELLED
      case .deadline: VIAL_FINISH_DEADLINE
      case .error: VIAL_FINISH_ERROR
      }
    return UInt32(number)
  }
}

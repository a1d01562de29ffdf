// Owns: the exports of a submitted request: events, text, ids, cancel, close. Must not: hold logic.
// The names are those of the header:
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CVial
import VialEngine
import VialFormat
import VialSystem

@_cdecl("vial_request_next_event") @implementation
public func vial_request_next_event(
  _ request: OpaquePointer!, _ milliseconds: UInt32,
  _ out_event: UnsafeMutablePointer<vial_event>!
) -> vial_status {
  nextEvent(out_event) { () throws(Failure) in
    let request = try HandleRegistry.request(request)
    guard !request.hasCallback else { throw Failure(VIAL_STATUS_INVALID_ARGUMENT) }
    switch request.nextEvent(timeout: seconds(milliseconds)) {
    case .event(let event): return vial_event(event, of: request)
    case .timedOut: throw Failure(VIAL_STATUS_TIMED_OUT)
    case .finished: throw Failure(VIAL_STATUS_FINISHED)
    case .closed: throw Failure(VIAL_STATUS_CLOSED)
    }
  }
}

@_cdecl("vial_request_cancel") @implementation
public func vial_request_cancel(_ request: OpaquePointer!) -> vial_status {
  status(reserve: 0) { () throws(Failure) in try HandleRegistry.request(request).cancel() }
}

@_cdecl("vial_request_close") @implementation
public func vial_request_close(_ request: OpaquePointer!) {
  _ = status(reserve: 0) { () throws(Failure) in
    let target = try HandleRegistry.remove(request) { target in
      if case .request = target { true } else { false }
    }
    if case .request(let request) = target { request.close() }
  }
}

@_cdecl("vial_request_get_information") @implementation
public func vial_request_get_information(
  _ request: OpaquePointer!,
  _ out_information: UnsafeMutablePointer<vial_request_information>!
) -> vial_status {
  status { () throws(Failure) in
    let request = try HandleRegistry.request(request)
    guard let out_information else { throw Failure(VIAL_STATUS_INVALID_ARGUMENT) }
    try Structures.checkOutput(out_information, firstSize: 64)
    var information = vial_request_information()
    let timings = request.timings
    information.stage = UInt32(
      request.isFinished
        ? VIAL_STAGE_FINISHED : request.hasStarted ? VIAL_STAGE_RUNNING : VIAL_STAGE_WAITING)
    (information.finish_reason, information.status) = finish(of: request)
    information.prompt_token_count = UInt64(request.promptCount)
    information.computed_prompt_token_count = UInt64(timings.computedPromptTokenCount)
    information.token_count = UInt64(timings.answerTokenCount)
    information.queue_seconds = timings.queueSeconds
    information.prompt_seconds = timings.promptSeconds
    information.generation_seconds = timings.generationSeconds
    information.cached_prompt_token_count = UInt64(timings.cachedPromptTokenCount)
    information.preemption_count = UInt64(timings.preemptionCount)
    Structures.write(information, to: out_information)
  }
}

@_cdecl("vial_request_get_text") @implementation
public func vial_request_get_text(
  _ request: OpaquePointer!, _ part: UInt32, _ capacity: UInt64,
  _ out_text: UnsafeMutablePointer<CChar>!, _ out_length: UnsafeMutablePointer<UInt64>!
) -> vial_status {
  status { () throws(Failure) in
    let place = try Arguments.place(out_length)
    place.pointee = 0
    let request = try HandleRegistry.request(request)
    let room = try Arguments.room(out_text, capacity)
    guard let part = UInt8(exactly: part).flatMap(AnswerPart.init(rawValue:)) else {
      throw Failure(VIAL_STATUS_INVALID_ARGUMENT)
    }
    let length = room.withMemoryRebound(to: UInt8.self) { request.copyText(of: part, into: $0) }
    try Arguments.report(length, of: capacity, to: place)
  }
}

@_cdecl("vial_request_get_tokens") @implementation
public func vial_request_get_tokens(
  _ request: OpaquePointer!, _ token_capacity: UInt64,
  _ out_tokens: UnsafeMutablePointer<UInt32>!, _ out_token_count: UnsafeMutablePointer<UInt64>!
) -> vial_status {
  status { () throws(Failure) in
    let place = try Arguments.place(out_token_count)
    place.pointee = 0
    let request = try HandleRegistry.request(request)
    let room = try Arguments.room(out_tokens, token_capacity)
    var count = 0
    request.forEachToken { token in
      if count < room.count { room[count] = token }
      count += 1
    }
    try Arguments.report(count, of: token_capacity, to: place)
  }
}

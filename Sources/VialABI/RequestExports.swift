// Owns: the exports of a submitted request: events, text, ids, cancel, close.
// Must not: hold logic.
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

@_cdecl("vial_request_get_info") @implementation
public func vial_request_get_info(
  _ request: OpaquePointer!, _ out_info: UnsafeMutablePointer<vial_request_info>!
) -> vial_status {
  status(reporting: out_info) { () throws(Failure) in
    let request = try HandleRegistry.request(request)
    var info = vial_request_info()
    let timings = request.timings
    info.state = UInt32(
      request.isFinished
        ? VIAL_STATE_FINISHED : request.hasStarted ? VIAL_STATE_RUNNING : VIAL_STATE_WAITING)
    (info.finish_reason, info.status) = finish(of: request)
    info.prompt_token_count = UInt64(request.promptCount)
    info.computed_prompt_token_count = UInt64(timings.computedPromptTokenCount)
    info.token_count = UInt64(timings.answerTokenCount)
    info.queue_seconds = timings.queueSeconds
    info.prompt_seconds = timings.promptSeconds
    info.generation_seconds = timings.generationSeconds
    info.cached_prompt_token_count = UInt64(timings.cachedPromptTokenCount)
    info.preemption_count = UInt64(timings.preemptionCount)
    return info
  }
}

@_cdecl("vial_request_copy_text") @implementation
public func vial_request_copy_text(
  _ request: OpaquePointer!, _ part: vial_answer_part, _ out_text: UnsafeMutablePointer<CChar>!,
  _ capacity: UInt64, _ out_length: UnsafeMutablePointer<UInt64>!
) -> vial_status {
  status(filling: out_text, capacity, out_length) { buffer throws(Failure) in
    let request = try HandleRegistry.request(request)
    guard let part = UInt8(exactly: part).flatMap(AnswerPart.init(rawValue:)) else {
      throw Failure(VIAL_STATUS_INVALID_ARGUMENT)
    }
    return buffer.withMemoryRebound(to: UInt8.self) { request.copyText(of: part, into: $0) }
  }
}

@_cdecl("vial_request_copy_tokens") @implementation
public func vial_request_copy_tokens(
  _ request: OpaquePointer!, _ out_tokens: UnsafeMutablePointer<UInt32>!, _ capacity: UInt64,
  _ out_token_count: UnsafeMutablePointer<UInt64>!
) -> vial_status {
  status(filling: out_tokens, capacity, out_token_count) { buffer throws(Failure) in
    let request = try HandleRegistry.request(request)
    var count = 0
    request.forEachToken { token in
      if count < buffer.count { buffer[count] = token }
      count += 1
    }
    return count
  }
}

@_cdecl("vial_request_copy_prompt_scores") @implementation
public func vial_request_copy_prompt_scores(
  _ request: OpaquePointer!, _ out_log_probabilities: UnsafeMutablePointer<Float>!,
  _ capacity: UInt64, _ out_count: UnsafeMutablePointer<UInt64>!
) -> vial_status {
  status(filling: out_log_probabilities, capacity, out_count) { buffer throws(Failure) in
    let request = try scoredRequest(request)
    guard request.timings.computedPromptTokenCount > 0 else { return 0 }
    if !buffer.isEmpty { buffer[0] = .nan }
    var count = 1
    request.forEachPromptFigure { figures in
      if count < buffer.count { buffer[count] = figures.logProbability }
      count += 1
    }
    return count
  }
}

@_cdecl("vial_request_copy_prompt_alternatives") @implementation
public func vial_request_copy_prompt_alternatives(
  _ request: OpaquePointer!, _ index: UInt64,
  _ out_alternatives: UnsafeMutablePointer<vial_alternative>!, _ capacity: UInt64,
  _ out_count: UnsafeMutablePointer<UInt64>!
) -> vial_status {
  status(filling: out_alternatives, capacity, out_count) { buffer throws(Failure) in
    let request = try scoredRequest(request)
    guard index < UInt64(request.promptCount) else { throw Failure(VIAL_STATUS_INVALID_ARGUMENT) }
    var count = 0
    request.withPromptFigure(ofToken: Int(index)) { figures in
      for alternative in figures?.alternatives ?? UnsafeBufferPointer(start: nil, count: 0) {
        if count < buffer.count {
          buffer[count] = vial_alternative(
            token: alternative.token, log_probability: alternative.logProbability)
        }
        count += 1
      }
    }
    return count
  }
}

/// A request whose prompt is scored.
private func scoredRequest(_ handle: OpaquePointer?) throws(Failure) -> Request {
  let request = try HandleRegistry.request(handle)
  guard request.plan.options.scoresPrompt else { throw Failure(VIAL_STATUS_INVALID_ARGUMENT) }
  return request
}

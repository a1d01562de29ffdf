// Owns: what most callers want of a request: to wait for its end, and its text as a whole.
// Must not: keep text. What it returns is the caller's, in memory that is not wiped.

import VialSystem

extension Request {
  /// Seconds between two calls of `isCancelled` while no event comes.
  private static let pollSeconds = 0.1

  /// Takes all events until the generation has ended, or the request was closed.
  ///
  /// For one caller of a request without a callback: each event is handed out once.
  /// - Parameters:
  ///   - deadline: `MonotonicClock` seconds at which the wait ends; nil: none. The generation goes
  ///     on.
  ///   - isCancelled: is called after each event and ten times a second; true cancels the
  ///     generation, whose last event is still waited for.
  ///   - onEvent: is called with each event, on the calling thread.
  /// - Returns: whether the last event was taken, false at the deadline.
  @discardableResult
  public func waitForAnswer(
    until deadline: Double? = nil, isCancelled: () -> Bool = { false },
    onEvent: (RequestEvent) -> Void = { _ in }
  ) -> Bool {
    while true {
      let left = deadline.map { $0 - MonotonicClock.seconds } ?? .infinity
      switch nextEvent(timeout: max(0, min(Self.pollSeconds, left))) {
      case .event(let event): onEvent(event)
      case .timedOut: if left <= 0 { return false }
      case .finished, .closed: return true
      }
      if isCancelled() { cancel() }
    }
  }

  /// The text of one part so far. Always whole characters.
  public func text(of part: AnswerPart) -> String {
    var bytes: [UInt8] = []
    forEachText(of: part) { text in
      for index in text.indices { bytes.append(text[index]) }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Copies the text of one part so far into a buffer, as far as it fits.
  /// - Returns: bytes of the whole text.
  public func copyText(of part: AnswerPart, into buffer: UnsafeMutableBufferPointer<UInt8>) -> Int {
    var count = 0
    forEachText(of: part) { text in
      for index in text.indices {
        if count < buffer.count { buffer[count] = text[index] }
        count += 1
      }
    }
    return count
  }
}

// Owns: the way from token ids to text: decoding, reasoning marks, stop strings.
// Must not: keep text: it goes to the request's log.

import VialSystem
import VialText

/// Turns the tokens of one answer into text. The runner's thread owns it.
final class AnswerWriter {
  /// A token's text, and the part it belongs to. nil text: memory is short.
  typealias Piece = (part: AnswerPart, text: UnsafeBufferPointer<UInt8>?)

  /// Whether a stop string ended the answer.
  var isStopped: Bool { stops.isStopped }
  private let marks: ReasoningMarks?
  private let watchesForStops: Bool
  /// Tokens in which stop strings are not looked for yet.
  private var unwatchedCount: Int
  private var decoder: StreamingDecoder
  private var stops: StopStrings
  private var part: AnswerPart
  private var scratch: SecureBuffer<UInt8>?

  /// nil when memory is short.
  init?(tokenizer: Tokenizer, marks: ReasoningMarks?, plan: RequestPlan) {
    guard let stops = plan.options.stops.filter() else { return nil }
    self.stops = stops
    self.marks = marks
    watchesForStops = !plan.options.stops.isEmpty
    unwatchedCount = plan.options.rules.minimumTokens
    decoder = StreamingDecoder(tokenizer, continuesText: plan.options.prefill != nil)
    part = plan.startsInReasoning ? .reasoning : .answer
  }

  /// Appends the text that `id` makes certain to `log`.
  func append(_ id: UInt32, to log: SecureLog<UInt8>) -> Piece {
    defer { unwatchedCount = max(0, unwatchedCount - 1) }
    if let marks, id == marks.begin || id == marks.end {
      let piece = finish(log)
      part = id == marks.begin ? .reasoning : .answer
      return piece
    }
    let text = write(capacity: decoder.capacity(for: id), to: log) { decoder, output in
      decoder.append(id, into: &output)
    }
    return (part, text)
  }

  /// Ends a part: a character that is still incomplete comes out as U+FFFD, held text as it is.
  func finish(_ log: SecureLog<UInt8>) -> Piece {
    guard !isStopped else { return (part, UnsafeBufferPointer(start: nil, count: 0)) }
    let text = write(capacity: 12, to: log, isEnd: true) { decoder, output in
      decoder.finish(into: &output)
    }
    return (part, text)
  }

  /// Wipes stop strings and what they held back; nothing is appended afterwards.
  func wipe() {
    stops = StopStrings()
    scratch = nil
  }

  private func write(
    capacity: Int, to log: SecureLog<UInt8>, isEnd: Bool = false,
    _ body: (inout StreamingDecoder, inout MutableSpan<UInt8>) -> Int
  ) -> UnsafeBufferPointer<UInt8>? {
    guard watchesForStops, unwatchedCount == 0 else {
      return log.append(capacity: capacity) { buffer in
        var output = buffer.mutableSpan
        return body(&decoder, &output)
      }
    }
    guard let decoded = decode(capacity: capacity, body) else { return nil }
    return log.append(capacity: decoded.count + 2 * StopStrings.maxByteCount) { buffer in
      var output = buffer.mutableSpan
      let bytes = decoded.span
      let count = stops.append(bytes, into: &output)
      guard isEnd else { return count }
      var rest = UnsafeMutableBufferPointer(rebasing: buffer[count...]).mutableSpan
      return count + stops.finish(into: &rest)
    }
  }

  /// Decodes into memory of our own, from which the stop strings let through what may be shown.
  private func decode(
    capacity: Int, _ body: (inout StreamingDecoder, inout MutableSpan<UInt8>) -> Int
  ) -> SecureBuffer<UInt8>? {
    if scratch.map({ $0.capacity < capacity }) ?? true {
      scratch = SecureBuffer<UInt8>(capacity: max(256, capacity))
    }
    guard let scratch else { return nil }
    scratch.truncate(to: 0)
    scratch.appendInPlace { buffer in
      var output = buffer.mutableSpan
      return body(&decoder, &output)
    }
    return scratch
  }
}

/// The added tokens around the reasoning of DeepSeek-R1's distillations.
package struct ReasoningMarks: Sendable {
  /// Begins the reasoning.
  package let begin: UInt32
  /// Ends it.
  package let end: UInt32

  /// Marks with the given ids.
  package init(begin: UInt32, end: UInt32) {
    self.begin = begin
    self.end = end
  }
}

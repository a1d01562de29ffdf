// Owns: a prompt with each of several continuations as token ids.
// Must not: score them.

import VialFormat
public import VialSystem
import VialText

/// A prompt and its continuations, tokenised as the texts that they make together.
public struct Continuations {
  /// The prompt with each continuation.
  public let texts: [SecureBuffer<UInt32>]
  /// Ids of the prompt alone.
  public let promptCount: Int
}

extension Model {
  /// The ids of `prompt` with each of `continuations` behind the file's BOS; all text is literal.
  public func continuations(
    of prompt: [UInt8], _ continuations: [[UInt8]]
  ) throws(VialError) -> Continuations {
    let options = EncodeOptions.raw
    var texts: [SecureBuffer<UInt32>] = []
    for continuation in continuations {
      texts.append(try encode((prompt + continuation).span, options: options))
    }
    return Continuations(texts: texts, promptCount: try encode(prompt.span, options: options).count)
  }

  /// The ids of one user message with each of `answers`, rendered through the file's chat template;
  /// all text is literal. Where the template opens a reasoning part, it is closed again, empty,
  /// before the answer.
  public func continuations(
    ofMessage message: [UInt8], answers: [[UInt8]]
  ) throws(VialError) -> Continuations {
    try continuations(behind: try chatTokens(user: message.span), answers)
  }

  /// The ids of a prompt with each of `answers`, whose text is literal. Where the prompt ends
  /// inside the reasoning, that is closed again, empty, before the answer.
  public func continuations(
    behind chat: SecureBuffer<UInt32>, _ answers: [[UInt8]]
  ) throws(VialError) -> Continuations {
    let closing: [UInt8] = isInsideReasoning(chat.span) ? Array("\n</think>\n\n".utf8) : []
    var texts: [SecureBuffer<UInt32>] = []
    for answer in answers {
      let text = closing + answer
      let range = TextRange(start: closing.count, byteCount: answer.count)
      texts.append(try chat.followed(by: encode(text.span, literals: [range].span)))
    }
    return Continuations(
      texts: texts, promptCount: chat.count + (try encode(closing.span)).count)
  }
}

extension SecureBuffer<UInt32> {
  /// The ids of both, one after the other.
  fileprivate func followed(
    by other: SecureBuffer<UInt32>
  ) throws(VialError) -> SecureBuffer<UInt32> {
    guard let both = SecureBuffer<UInt32>(capacity: count + other.count) else {
      throw .outOfMemory
    }
    both.append(contentsOf: span)
    both.append(contentsOf: other.span)
    return both
  }
}

// Owns: the options of one generation, fixed when it is submitted.
// Must not: change afterwards. Prompt and stop strings live in wiped memory.

import VialFormat
import VialModel
package import VialSystem
import VialText

/// A request as the engine computes it: the prompt, the caller's options, and what follows from
/// both.
package struct RequestPlan: Sendable {
  /// Token ids of the prompt, each below the vocabulary size.
  package let prompt: SecureBuffer<UInt32>
  /// What the caller wants.
  package let options: GenerationOptions
  /// `MonotonicClock` seconds at which the request ends, finished or not.
  package let deadline: Double?
  /// Whether the answer begins inside the reasoning part.
  package let startsInReasoning: Bool

  /// The deadline counts from now.
  package init(
    prompt: SecureBuffer<UInt32>, options: GenerationOptions = GenerationOptions(),
    startsInReasoning: Bool = false
  ) {
    self.prompt = prompt
    self.options = options
    self.startsInReasoning = startsInReasoning
    deadline = options.deadline.map { MonotonicClock.seconds + $0 }
  }
}

extension RequestPlan {
  /// Bytes that identify the adapter and its scale, for the hashes of cached blocks; empty without
  /// an adapter.
  var adapterIdentity: [UInt8] {
    guard let identity = options.adapter?.identity else { return [] }
    return Array(identity.digest.bytes)
      + withUnsafeBytes(of: identity.scaleBits.littleEndian) { Array($0) }
  }

  /// Wipes what nobody reads once the answer is over.
  func wipeTexts() {
    guard options.ownsTexts else { return }
    prompt.truncate(to: 0)
    options.prefill?.truncate(to: 0)
    options.stops.wipe()
  }
}

extension AnswerGrammar {
  /// Whether an answer may begin with a text. O(bytes).
  public func allows(beginning text: borrowing Span<UInt8>) -> Bool {
    var matcher = GrammarMatcher(
      GrammarAutomaton(grammar, vocabulary: vocabulary, endTokens: []))
    return matcher.advance(copy text)
  }
}

/// Stop strings on their way to a request, in wiped memory.
public final class StopList: @unchecked Sendable {
  private let text: SecureBuffer<UInt8>?
  private var lengths: [Int] = []

  /// No stop strings.
  public init() { text = nil }

  /// An empty list for stop strings of `byteCount` bytes together; nil when memory is short.
  public init?(byteCount: Int) {
    guard let text = SecureBuffer<UInt8>(capacity: byteCount) else { return nil }
    self.text = text
  }

  /// Adds one; false when it is empty or too long, or one too many.
  public func append(_ stop: Span<UInt8>) -> Bool {
    guard let text, lengths.count < StopStrings.maxCount, !stop.isEmpty,
      stop.count <= StopStrings.maxByteCount, text.append(contentsOf: stop)
    else { return false }
    lengths.append(stop.count)
    return true
  }

  /// A filter that watches for all of them; nil when memory is short.
  func filter() -> StopStrings? {
    var filter = StopStrings()
    guard let text else { return filter }
    var start = 0
    for length in lengths {
      let bytes = text.span
      guard filter.add(bytes.extracting(start..<start + length)) else { return nil }
      start += length
    }
    return filter
  }

  /// Wipes all of them; there are none afterwards.
  func wipe() {
    text?.truncate(to: 0)
    lengths = []
  }

  /// Whether there is none.
  var isEmpty: Bool { lengths.isEmpty }
}

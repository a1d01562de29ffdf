// Owns: the options of one generation, fixed when it is submitted.
// Must not: change afterwards. Prompt and stop strings live in wiped memory.

import VialFormat
public import VialModel
public import VialSystem
import VialText

/// What a request wants.
public struct RequestPlan: Sendable {
  /// Token ids of the prompt, each below the vocabulary size.
  public let prompt: SecureBuffer<UInt32>
  /// Most tokens of the answer; nil: as many as context and KV cache leave.
  public var maximumTokens: Int?
  /// What changes the weights for this request; of the engine's model.
  public var adapter: AppliedAdapter?
  /// How tokens are chosen.
  public var sampling: SamplingParameters
  /// Biases, bans, and what ends the answer.
  public var rules = TokenRules()
  /// Text at the end of the prompt that is the answer's beginning: what holds the answer holds it,
  /// too. The answer that comes out does not repeat it.
  public var prefill: SecureBuffer<UInt8>?
  /// Whether the prompt's own tokens get log-probabilities. They are computed, and not found in the
  /// cache.
  public var scoresPrompt = false
  /// Likeliest tokens to report beside each chosen one, and each scored one, 0 ...
  /// `alternativeLimit`.
  public var alternativeCount = 0
  /// Whether events carry entropies.
  public var reportsEntropy = false
  /// Texts that end the answer where they begin.
  public var stops: StopList
  /// `MonotonicClock` seconds at which the request ends, finished or not.
  public var deadline: Double?
  /// Whether the answer begins inside the reasoning part.
  public var startsInReasoning = false
  /// Higher ones are computed first.
  public var priority: Int32 = 0
  /// UTF-8 label of whoever the request is for; requests without one are of one tenant, too.
  public var tenant: [UInt8] = []
  /// Whether blocks that requests of the same tenant left are used, and left for them, and so with
  /// what grammars remember.
  public var sharesPrefix = true
  /// Whether the prompt is computed to stay in the cache, without an answer, until the request is
  /// closed. Without a tenant all tenants use it.
  public var isPinned = false
  /// Bytes that identify the adapter and its scale, for the names of cached blocks; empty without
  /// an adapter.
  var adapterIdentity: [UInt8] {
    guard let identity = adapter?.identity else { return [] }
    return Array(identity.digest.bytes)
      + withUnsafeBytes(of: identity.scaleBits.littleEndian) { Array($0) }
  }
  /// What the answer, its reasoning excepted, is held to; nil: nothing.
  public var grammar: AnswerGrammar?
  /// Most tokens of the reasoning, its marks excepted; nil: as many as fit.
  public var maximumReasoningTokens: Int?
  /// Whether the reasoning is withheld from the caller: no text, no ids, no events.
  public var withholdsReasoning = false

  /// Whether prompt, prefill and stop strings are nobody else's: then they are wiped when the
  /// request ends, and not when it is released.
  public var ownsTexts = false

  /// Most alternatives of a token.
  public static let alternativeLimit = 20
  /// Longest prefill in bytes.
  public static let prefillByteLimit = 16 << 10
  /// Longest label of a tenant.
  public static let tenantByteLimit = 256

  /// A plan without limits, stop strings or deadline.
  public init(
    prompt: SecureBuffer<UInt32>, sampling: SamplingParameters = SamplingParameters(),
    maximumTokens: Int? = nil, stops: StopList = StopList()
  ) {
    self.prompt = prompt
    self.sampling = sampling
    self.maximumTokens = maximumTokens
    self.stops = stops
  }
}

extension RequestPlan {
  /// Wipes what nobody reads once the answer is over.
  func wipeTexts() {
    guard ownsTexts else { return }
    prompt.truncate(to: 0)
    prefill?.truncate(to: 0)
    stops.wipe()
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

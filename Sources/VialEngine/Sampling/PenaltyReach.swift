// Owns: which part of a request's text a penalty looks at.
// Must not: count (that is TokenCounts').

/// Whose tokens a penalty counts. The raw values are the words of the command line.
public enum PenaltyScope: String, Sendable, CaseIterable {
  /// The tokens that were chosen for this request, its reasoning included.
  case answer
  /// The tokens that it was given, a prefill included.
  case prompt
  /// Both.
  case both
}

/// Which tokens a penalty counts.
public struct PenaltyReach: Sendable, Equatable {
  /// Whose.
  public var scope: PenaltyScope
  /// How many of them, the last ones; 0: all.
  public var window: UInt32

  /// The last `window` tokens of `scope`.
  public init(_ scope: PenaltyScope, window: UInt32 = 0) {
    self.scope = scope
    self.window = window
  }

  /// Indices of the tokens that count, among those of prompt and answer; both ends only grow with
  /// the answer.
  func range(promptCount: Int, tokenCount: Int) -> Range<Int> {
    let whole: Range<Int>
    switch scope {
    case .answer: whole = min(promptCount, tokenCount)..<tokenCount
    case .prompt: whole = 0..<min(promptCount, tokenCount)
    case .both: whole = 0..<tokenCount
    }
    return window == 0
      ? whole : max(whole.lowerBound, whole.upperBound - Int(window))..<whole.upperBound
  }
}

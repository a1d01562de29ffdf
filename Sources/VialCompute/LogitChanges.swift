// Owns: what a request does to logits before a token is drawn: penalties of used ids, and biases.
// Must not: count ids: the counts are the caller's.
// Source: Spec/ARITHMETIC.md, rule 13; repetition penalty (Keskar et al., 2019).

import CVialKernels

/// How often an id occurs in the texts that penalties count. It has the layout that C reads.
public struct TokenCount: BitwiseCopyable {
  private var entry: vial_token_count

  /// A count; each id has one of them at most.
  public init(id: UInt32, repeated: UInt32 = 0, counted: UInt32 = 0) {
    entry = vial_token_count(id: id, repeated: repeated, counted: counted)
  }

  /// The id.
  public var id: UInt32 {
    get { entry.id }
    set { entry.id = newValue }
  }

  /// Times in the text of the repetition penalty.
  public var repeated: UInt32 {
    get { entry.repeated }
    set { entry.repeated = newValue }
  }

  /// Times in the text of the frequency and the presence penalty.
  public var counted: UInt32 {
    get { entry.counted }
    set { entry.counted = newValue }
  }
}

/// What ids lose that were used before.
public struct TokenPenalties: Sendable {
  private let penalties: vial_penalties

  /// - Parameters:
  ///   - repetition: above 0; 1 switches it off.
  ///   - frequency: for each time; 0 switches it off.
  ///   - presence: once; 0 switches it off.
  public init(repetition: Float, frequency: Float, presence: Float) {
    penalties = vial_penalties(repetition: repetition, frequency: frequency, presence: presence)
  }

  /// Changes the logits of the counted ids below `idCount`.
  public func apply(
    to logits: UnsafeMutablePointer<Float>, idCount: Int, counts: UnsafeBufferPointer<TokenCount>
  ) {
    counts.withMemoryRebound(to: vial_token_count.self) { entries in
      withUnsafePointer(to: penalties) {
        vial_penalize(logits, UInt32(idCount), entries.baseAddress, entries.count, $0)
      }
    }
  }
}

/// Values that are added to the logits of some ids, in order.
public struct LogitBiases: Sendable {
  private var biases: [vial_logit_bias] = []

  /// No biases.
  public init() {}

  /// Adds one; it may be -infinity.
  public mutating func append(_ id: UInt32, _ bias: Float) {
    biases.append(vial_logit_bias(id: id, bias: bias))
  }

  /// Whether there is none.
  public var isEmpty: Bool { biases.isEmpty }

  /// Adds them; ids from `idCount` on are ignored.
  public func apply(to logits: UnsafeMutablePointer<Float>, idCount: Int) {
    vial_bias(logits, UInt32(idCount), biases, biases.count)
  }
}

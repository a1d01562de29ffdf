// Owns: what one choice does to logits and mask beyond the model's own: penalties, biases, barred
// ids.
// Must not: outlive its step: it points at the request's counts.

internal import VialCompute

/// What shapes one choice. Without one a choice costs nothing extra.
struct TokenShaping {
  /// Counts of the ids that penalties concern.
  var counts: UnsafeBufferPointer<TokenCount>?
  private let penalties: TokenPenalties
  private let biases: LogitBiases
  /// Ids that are not chosen whatever else.
  private let banned: [UInt32]
  /// Ids that are not chosen either, unless a grammar leaves nothing else.
  var barredEnds: [UInt32] = []

  /// What all choices of a request have in common; nil when it wants nothing.
  init?(_ plan: RequestPlan) {
    let (rules, sampling) = (plan.options.rules, plan.options.sampling)
    guard
      sampling.countsTokens || rules.minimumTokens > 0 || !rules.biases.isEmpty
        || !rules.bannedTokens.isEmpty
    else { return nil }
    penalties = TokenPenalties(
      repetition: sampling.repetitionPenalty, frequency: sampling.frequencyPenalty,
      presence: sampling.presencePenalty)
    var biases = LogitBiases()
    for bias in rules.biases { biases.append(bias.token, bias.bias) }
    self.biases = biases
    banned = rules.bannedTokens
  }

  /// Whether logits change.
  var changesLogits: Bool { counts != nil || !biases.isEmpty }

  /// Whether the mask does.
  var changesMask: Bool { !banned.isEmpty || !barredEnds.isEmpty }

  /// Changes logits: penalties, then biases.
  func apply(to logits: UnsafeMutablePointer<Float>, idCount: Int) {
    if let counts { penalties.apply(to: logits, idCount: idCount, counts: counts) }
    biases.apply(to: logits, idCount: idCount)
  }

  /// Takes barred ids out of a mask of `wordCount` words.
  /// - Parameter keepsEnds: whether ends stay where nothing else is left.
  func bar(_ mask: UnsafeMutablePointer<UInt64>, wordCount: Int, keepsEnds: Bool) {
    let idCount = UInt32(clamping: wordCount * 64)
    for id in banned where id < idCount { mask[Int(id / 64)] &= ~(1 << UInt64(id % 64)) }
    let ends = barredEnds.filter { id in
      id < idCount && mask[Int(id / 64)] >> UInt64(id % 64) & 1 == 1
    }
    for id in ends { mask[Int(id / 64)] &= ~(1 << UInt64(id % 64)) }
    guard keepsEnds, (0..<wordCount).allSatisfy({ mask[$0] == 0 }) else { return }
    for id in ends { mask[Int(id / 64)] |= 1 << UInt64(id % 64) }
  }
}

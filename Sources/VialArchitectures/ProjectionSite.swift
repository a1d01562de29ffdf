// Owns: the places of a layer where inputs are multiplied: linear layers of one place read the same
// input.
// Must not: name tensors; rules do.

/// Where a decoder multiplies by weights, in the order of a layer.
package enum ProjectionSite: Int, CaseIterable, Sendable {
  /// Query, key and value.
  case attentionInput
  case attentionOutput
  /// Gate and up.
  case feedForwardInput
  case feedForwardOutput

  /// The matrices of the site, in the order in which they are computed.
  package var slots: [TensorSlot] {
    switch self {
    case .attentionInput: [.query, .key, .value]
    case .attentionOutput: [.attentionOutput]
    case .feedForwardInput: [.gate, .up]
    case .feedForwardOutput: [.down]
    }
  }

  /// The site of a matrix, and its index there; nil for what is no linear layer.
  package static func site(of slot: TensorSlot) -> (site: ProjectionSite, index: Int)? {
    for site in allCases {
      if let index = site.slots.firstIndex(of: slot) { return (site, index) }
    }
    return nil
  }
}

// Owns: what Hugging Face transformers answered for the committed checkpoints (golden.json).
// Must not: compare.

import Foundation

/// golden.json of a quantised checkpoint.
package struct ImportGolden: Decodable {
  package let tokenIDs: [UInt32]
  package let argmax: [Int]
  package let logitsLast: [Float]

  private enum CodingKeys: String, CodingKey {
    case tokenIDs = "token_ids"
    case argmax
    case logitsLast = "logits_last"
  }
}

/// golden.json of a checkpoint whose logits are kept of some positions only.
package struct FamilyGolden: Decodable {
  package let tokenIDs: [UInt32]
  package let argmax: [Int]
  /// Positions that `logits` has.
  package let positions: [Int]
  package let logits: [[Float]]
  package let greedyPrompt: [UInt32]
  package let greedy: [UInt32]
  package let longTokenIDs: [UInt32]
  package let longArgmax: [Int]
  package let longLogitsLast: [Float]

  private enum CodingKeys: String, CodingKey {
    case tokenIDs = "token_ids"
    case argmax, positions, logits
    case greedyPrompt = "greedy_prompt"
    case greedy
    case longTokenIDs = "long_token_ids"
    case longArgmax = "long_argmax"
    case longLogitsLast = "long_logits_last"
  }

  /// The continuation of `greedyPrompt`; some files repeat the prompt in it.
  package var continuation: [UInt32] {
    greedy.starts(with: greedyPrompt) ? Array(greedy.dropFirst(greedyPrompt.count)) : greedy
  }

  /// What transformers answered for a checkpoint.
  package static func read(_ name: String) throws -> FamilyGolden {
    try JSONDecoder().decode(FamilyGolden.self, from: Data(contentsOf: Golden.url(name)))
  }
}

/// The part of golden.json that the tests use.
package struct Golden: Decodable {
  package let tokenIDs: [UInt32]
  package let logits: [[Float]]
  package let argmax: [Int]
  package let greedyPrompt: [UInt32]
  package let greedy: [UInt32]
  package let longTokenIDs: [UInt32]
  package let longArgmax: [Int]
  package let longLogitsLast: [Float]

  private enum CodingKeys: String, CodingKey {
    case tokenIDs = "token_ids"
    case logits, argmax
    case greedyPrompt = "greedy_prompt"
    case greedy
    case longTokenIDs = "long_token_ids"
    case longArgmax = "long_argmax"
    case longLogitsLast = "long_logits_last"
  }

  /// The continuation of `greedyPrompt`; some files repeat the prompt in it.
  package var continuation: [UInt32] {
    greedy.starts(with: greedyPrompt) ? Array(greedy.dropFirst(greedyPrompt.count)) : greedy
  }
}

extension Golden {
  /// What transformers answered for a checkpoint.
  package static func read(_ name: String) throws -> Golden {
    try JSONDecoder().decode(Golden.self, from: Data(contentsOf: url(name)))
  }

  fileprivate static func url(_ checkpoint: String) -> URL {
    Files.fixture("checkpoints/\(checkpoint)/golden.json")
  }
}

extension ImportGolden {
  /// What transformers answered for a checkpoint that was quantised by others.
  package static func read(_ name: String) throws -> ImportGolden {
    try JSONDecoder().decode(ImportGolden.self, from: Data(contentsOf: Golden.url(name)))
  }
}

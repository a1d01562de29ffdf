// Owns: special tokens that end an answer by what they are called, where no setting names their
// ids.
// Must not: hold a name that models also write inside an answer.
// Source: llama.cpp, `llama_vocab::impl::load` (special_eog_ids).

import VialText

extension TokenizerSource {
  /// Spellings of the ends of a turn, a message or a text.
  private static let endSpellings: Set<JSONString> = [
    "<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<|endoftext|>", "<|end_of_text|>",
    "<|eom_id|>", "<EOT>", "_<EOT>", "[EOT]", "<|EOT|>", "<end_of_utterance>",
    "<\u{FF5C}end\u{2581}of\u{2581}sentence\u{FF5C}>",
  ]

  /// Special tokens with such a spelling, by ascending id.
  var turnEnds: [(id: UInt32, spelling: String)] {
    addedTokens.filter { $0.special && Self.endSpellings.contains($0.content) }
      .map { ($0.id, $0.content.text) }.sorted { $0.0 < $1.0 }
  }
}

// Owns: which fields a batch's line may have, and how an error names one that it may not have.
// Must not: quote a line. A name is the line's text, too, and may be a patient's: only what looks
// like a field's name is said, and of that no more than an identifier's length.

import VialText

/// The names of fields.
enum BatchFields {
  /// Of a line; the guide's table (Guides/Batch.md) and `vial batch --help` have the same.
  static let ofLine = [
    "id", "prompt", "messages", "tools", "template", "variables", "prefill", "adapter", "schema",
    "choices",
    "max_tokens", "max_reasoning_tokens", "temperature", "top_p", "top_k", "min_p", "seed",
    "repetition_penalty", "repetition_scope", "repetition_window", "presence_penalty",
    "frequency_penalty", "penalty_scope", "penalty_window", "logit_bias", "banned_token_ids",
    "stop", "stop_token_ids", "min_tokens", "ignore_eos", "logprobs", "top_logprobs",
    "prompt_logprobs",
  ]
  /// Of a message.
  static let ofMessage = ["role", "content"] + ChatFields.names
  /// Longest name that is said.
  private static let shownByteLimit = 40
  /// Most names that are said.
  private static let shownCount = 4

  /// Refuses an object with a field that is not `known`: whoever wrote it believes that it has an
  /// effect.
  /// - Parameter owner: what the object is, for the error.
  static func check(_ value: JSONValue, known: [String], of owner: String) throws(BatchError) {
    guard let members = value.object?.members else { return }
    let names = known.map { JSONString($0) }
    let unknown = members.indices.filter { !names.contains(members[$0].key) }
    guard !unknown.isEmpty else { return }
    var shown = unknown.prefix(shownCount).map { shownName(members[$0].key.bytes, number: $0 + 1) }
    if unknown.count > shownCount { shown.append("\(unknown.count - shownCount) more") }
    throw BatchError(
      "unknown field\(unknown.count == 1 ? "" : "s") \(shown.joined(separator: ", ")); \(owner) has: "
        + known.joined(separator: ", "))
  }

  /// `"max_token"`, or the field's number in its object, from 1, when the name is no identifier or
  /// a long one.
  private static func shownName(_ name: [UInt8], number: Int) -> String {
    guard !name.isEmpty, name.count <= shownByteLimit, name.allSatisfy(isOfIdentifier) else {
      return "number \(number) (its name is not shown)"
    }
    return "\"\(String(decoding: name, as: UTF8.self))\""
  }

  private static func isOfIdentifier(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
      true
    default: false
    }
  }
}

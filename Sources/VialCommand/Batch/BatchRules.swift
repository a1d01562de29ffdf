// Owns: the fields of a batch's line for penalties, single tokens, choices, and where an answer
// begins and ends.
// Must not: quote a line in an error.
// Ranges are the engine's, its sentences are said.

import Vial
import VialEngine
import VialFormat
import VialSystem
import VialText

extension BatchRequest {
  /// "choices": texts of which the answer is one; nil when the line has none.
  static func choices(_ value: JSONValue) throws(BatchError) -> [[UInt8]]? {
    guard let member = member(value, "choices") else { return nil }
    guard let list = member.array, !list.isEmpty else {
      throw BatchError("\"choices\" is no list of strings")
    }
    var choices: [[UInt8]] = []
    for item in list {
      guard let text = item.string, !text.bytes.isEmpty else {
        throw BatchError("\"choices\" has an item that is empty or no string")
      }
      choices.append(text.bytes)
    }
    return choices
  }

  /// Penalties, and what they look at.
  static func addPenalties(
    _ value: JSONValue, _ sampling: inout SamplingParameters
  ) throws(BatchError) {
    if let number = try number(value, "repetition_penalty") { sampling.repetitionPenalty = number }
    if let number = try number(value, "presence_penalty") { sampling.presencePenalty = number }
    if let number = try number(value, "frequency_penalty") { sampling.frequencyPenalty = number }
    try addReach(value, "repetition", &sampling.repetitionReach)
    try addReach(value, "penalty", &sampling.penaltyReach)
  }

  private static func addReach(
    _ value: JSONValue, _ name: String, _ reach: inout PenaltyReach
  ) throws(BatchError) {
    if let scope = member(value, "\(name)_scope") {
      guard let known = (scope.string?.text).flatMap({ PenaltyScope(rawValue: $0) }) else {
        throw BatchError("\"\(name)_scope\" is none of answer, prompt, both")
      }
      reach.scope = known
    }
    if let count = try integer(value, "\(name)_window", 0...Int64(UInt32.max)) {
      reach.window = UInt32(count)
    }
  }

  /// Rules for single tokens, the end, the reasoning and the prefill.
  static func addRules(
    _ value: JSONValue, _ options: inout GenerationOptions, _ model: Model
  ) throws(BatchError) {
    if let count = try integer(value, "max_reasoning_tokens", 0...Int64(UInt32.max)) {
      options.maximumReasoningTokens = Int(count)
    }
    if let count = try integer(value, "min_tokens", 0...Int64(UInt32.max)) {
      options.rules.minimumTokens = Int(count)
    }
    if let flag = try flag(value, "ignore_eos") { options.rules.ignoresEnd = flag }
    options.rules.biases = try biases(value)
    options.rules.bannedTokens = try ids(value, "banned_token_ids")
    options.rules.stopTokens = try ids(value, "stop_token_ids")
    let sentence = options.rules.firstInvalid(
      vocabularySize: model.file.configuration.vocabularySize,
      maximumTokens: options.maximumTokens)
    if let sentence { throw BatchError("\(sentence)") }
    options.prefill = try prefill(value)
  }

  private static func prefill(_ value: JSONValue) throws(BatchError) -> SecureBuffer<UInt8>? {
    guard let member = member(value, "prefill") else { return nil }
    guard let text = member.string, text.bytes.count <= GenerationOptions.prefillByteLimit else {
      throw BatchError(
        "\"prefill\" is no string of at most \(GenerationOptions.prefillByteLimit) bytes")
    }
    do throws(VialError) { return try SecureBuffer.text(text.bytes) } catch {
      throw BatchError("\(error)")
    }
  }

  /// `{"ID": BIAS}`, in the order given.
  private static func biases(_ value: JSONValue) throws(BatchError) -> [TokenBias] {
    guard let member = member(value, "logit_bias") else { return [] }
    guard let members = member.object?.members else {
      throw BatchError("\"logit_bias\" is no object")
    }
    guard members.count <= TokenRules.entryLimit else {
      throw BatchError("\"logit_bias\" has more than \(TokenRules.entryLimit) members")
    }
    var biases: [TokenBias] = []
    for member in members {
      guard let id = UInt32(member.key.text), let bias = member.value.number else {
        throw BatchError("\"logit_bias\" has a member that is no id with a number")
      }
      biases.append(TokenBias(token: id, bias: Float(bias)))
    }
    return biases
  }

  private static func ids(_ value: JSONValue, _ field: String) throws(BatchError) -> [UInt32] {
    guard let member = member(value, field) else { return [] }
    guard let list = member.array, list.count <= TokenRules.entryLimit else {
      throw BatchError("\"\(field)\" is no list of at most \(TokenRules.entryLimit) ids")
    }
    var ids: [UInt32] = []
    for item in list {
      guard let id = item.integer, (0...Int64(UInt32.max)).contains(id) else {
        throw BatchError("\"\(field)\" has an item that is no id")
      }
      ids.append(UInt32(id))
    }
    return ids
  }

  /// true or false.
  static func flag(_ value: JSONValue, _ field: String) throws(BatchError) -> Bool? {
    guard let member = member(value, field) else { return nil }
    guard case .bool(let flag) = member else {
      throw BatchError("\"\(field)\" is neither true nor false")
    }
    return flag
  }
}

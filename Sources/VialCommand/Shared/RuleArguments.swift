// Owns: the flags for single tokens and for where an answer begins and ends.
// Must not: know what a model's tokens are: the engine refuses ids that it lacks.

import ArgumentParser
import Vial
import VialEngine
import VialSystem
import VialText

/// `ID=VALUE`: a value that is added to one token's logit.
struct BiasArgument: ExpressibleByArgument {
  let bias: TokenBias

  init?(argument: String) {
    guard let sign = argument.firstIndex(of: "="), let id = UInt32(argument[..<sign]),
      let value = Float(argument[argument.index(after: sign)...])
    else { return nil }
    bias = TokenBias(token: id, bias: value)
  }
}

/// --stop, --stop-token, --min-tokens, --ignore-end, --logit-bias, --ban, --prefill.
struct RuleArguments: ParsableArguments {
  @Option(
    name: .customLong("stop"), parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      """
      End reasoning or answer before this text, of 1 to \(StopStrings.maxByteCount) bytes; may be repeated, \
      \(StopStrings.maxCount) at most (default: the template's).
      """,
      valueName: "text"))
  var stops: [String] = []

  @Option(
    name: .customLong("stop-token"),
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "End the answer where this token is chosen; may be repeated, \(TokenRules.entryLimit) at most.",
      valueName: "id"))
  var stopTokens: [UInt32] = []

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      """
      Let neither end tokens nor stop strings end the answer before it has so many tokens, at most --max-tokens.
      """,
      valueName: "n"))
  var minTokens = 0

  @Flag(help: "Go on behind the model's end tokens, up to the token limit.")
  var ignoreEnd = false

  @Option(
    name: .customLong("logit-bias"),
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "Add VALUE, -100 to 100, to a token's logit; may be repeated, \(TokenRules.entryLimit) at most.",
      valueName: "id=value"))
  var biases: [BiasArgument] = []

  @Option(
    name: .customLong("ban"),
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "Never choose this token; may be repeated, \(TokenRules.entryLimit) at most.", valueName: "id"
    ))
  var bannedTokens: [UInt32] = []

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      """
      The answer's first words, at most \(GenerationOptions.prefillByteLimit) bytes: the model goes on behind them, and what is printed does not repeat \
      them.
      """,
      valueName: "text"))
  var prefill: String?

  /// Refuses values that are out of range.
  func check() throws {
    if stops.count > StopStrings.maxCount {
      throw ValidationError("--stop may be given at most \(StopStrings.maxCount) times")
    }
    if !stops.allSatisfy({ (1...StopStrings.maxByteCount).contains($0.utf8.count) }) {
      throw ValidationError("--stop must have 1 to \(StopStrings.maxByteCount) bytes")
    }
    if minTokens < 0 { throw ValidationError("--min-tokens must not be negative") }
    if let prefill, prefill.utf8.count > GenerationOptions.prefillByteLimit {
      throw ValidationError("--prefill has at most \(GenerationOptions.prefillByteLimit) bytes")
    }
    if let sentence = rules.firstInvalid(vocabularySize: .max, maximumTokens: nil) {
      throw ValidationError("\(sentence)")
    }
  }

  private var rules: TokenRules {
    var rules = TokenRules()
    rules.biases = biases.map(\.bias)
    rules.bannedTokens = bannedTokens
    rules.stopTokens = stopTokens
    rules.minimumTokens = minTokens
    rules.ignoresEnd = ignoreEnd
    return rules
  }

  /// What was asked for; a template's stop strings stay where none is given.
  func apply(to options: inout GenerationOptions) throws {
    options.rules = rules
    options.prefill = try prefillText()
    guard !stops.isEmpty else { return }
    guard let list = StopList(byteCount: stops.reduce(0) { $0 + $1.utf8.count }) else {
      throw VialError.outOfMemory
    }
    for stop in stops {
      let bytes = Array(stop.utf8)
      _ = list.append(bytes.span)
    }
    options.stops = list
  }

  /// The prefill in wiped memory; nil when there is none.
  func prefillText() throws -> SecureBuffer<UInt8>? {
    try prefill.flatMap { try SecureBuffer.text(Array($0.utf8)) }
  }
}

extension SecureBuffer<UInt8> {
  /// A text in wiped memory; nil when it is empty.
  static func text(_ text: [UInt8]) throws(VialError) -> SecureBuffer<UInt8>? {
    guard !text.isEmpty else { return nil }
    guard let buffer = SecureBuffer<UInt8>(capacity: text.count) else { throw .outOfMemory }
    buffer.append(contentsOf: text.span)
    return buffer
  }
}

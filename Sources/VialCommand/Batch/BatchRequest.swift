// Owns: one line of a batch: its fields, their types and limits.
// Must not: quote a line in an error: it is a patient's text. Errors name fields.

import Vial
import VialEngine
import VialModel
import VialSystem
import VialText

/// What is wrong with a line.
struct BatchError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

/// What a line asks for.
struct BatchRequest {
  /// Where the prompt comes from.
  enum Source {
    case prompt([UInt8])
    case messages([BatchMessage], tools: [UInt8])
    case template(BatchTemplate)
  }

  let source: Source
  let options: GenerationOptions
  /// What the answer's line says of log-probabilities.
  let report: BatchReport

  /// Reads a line's object.
  init(_ value: JSONValue, defaults: GenerationOptions, engine: Engine) throws(BatchError) {
    let model = engine.model
    try BatchFields.check(value, known: BatchFields.ofLine, of: "a line")
    var options: GenerationOptions
    if let template = try BatchTemplate(value, model: model) {
      guard Self.member(value, "prompt") == nil, Self.member(value, "messages") == nil else {
        throw BatchError(Self.sourceSentence)
      }
      source = .template(template)
      options = try Self.options(value, template.options(over: defaults, model: model), model)
    } else {
      source = try Self.source(value, model)
      options = try Self.options(value, defaults, model)
    }
    if let grammar = try Self.grammar(value, source, engine) { options.grammar = grammar }
    try Self.addRules(value, &options, model)
    report = try BatchReport(value, &options)
    self.options = options
    if case .messages = source { return }
    guard Self.member(value, "tools") == nil else {
      throw BatchError("\"tools\" needs \"messages\"")
    }
  }

  /// What the line's schema or choices, else its template's schema, hold the answer to.
  private static func grammar(
    _ value: JSONValue, _ source: Source, _ engine: Engine
  ) throws(BatchError) -> AnswerGrammar? {
    if let choices = try choices(value) {
      guard member(value, "schema") == nil else {
        throw BatchError("\"schema\" and \"choices\" exclude each other")
      }
      do throws(VialError) { return try engine.grammar(choices: choices) } catch {
        throw BatchError("\"choices\": \(error)")
      }
    }
    var schema = member(value, "schema").map { $0.string?.bytes ?? $0.compactText }
    if schema == nil, case .template(let template) = source { schema = template.schema }
    guard let schema else { return nil }
    do throws(VialError) {
      return try engine.grammar(schema: schema)
    } catch { throw BatchError("\"schema\": \(error)") }
  }

  private static let sourceSentence =
    "exactly one of \"prompt\", \"messages\" and \"template\" is needed"

  /// Whether the answer depends on more of the file than the model: a template or an adapter.
  static func usesOtherSections(_ value: JSONValue) -> Bool {
    member(value, "template") != nil || member(value, "adapter") != nil
  }

  /// The member, unless it is absent or null.
  static func member(_ value: JSONValue, _ field: String) -> JSONValue? {
    value[field].flatMap { $0.isNull ? nil : $0 }
  }

  private static func source(
    _ value: JSONValue, _ model: Model
  ) throws(BatchError) -> Source {
    switch (member(value, "prompt"), member(value, "messages")) {
    case (let prompt?, nil):
      guard let text = prompt.string else { throw BatchError("\"prompt\" is no string") }
      return .prompt(text.bytes)
    case (nil, let messages?):
      guard let list = messages.array, !list.isEmpty else {
        throw BatchError("\"messages\" is no list of messages")
      }
      var result: [BatchMessage] = []
      for message in list { result.append(try BatchMessage(message)) }
      return .messages(result, tools: try tools(value, model))
    default: throw BatchError(sourceSentence)
    }
  }

  /// The line's tools as JSON; nothing without any.
  private static func tools(_ value: JSONValue, _ model: Model) throws(BatchError) -> [UInt8] {
    guard let tools = member(value, "tools") else { return [] }
    guard let list = tools.array, list.allSatisfy({ $0.object != nil }) else {
      throw BatchError("\"tools\" is no list of objects")
    }
    guard model.readsTools else {
      throw BatchError("\"tools\": the file's chat template does not ask for tools")
    }
    return tools.compactText
  }

  private static func options(
    _ value: JSONValue, _ defaults: GenerationOptions, _ model: Model
  ) throws(BatchError) -> GenerationOptions {
    var options = defaults
    if let count = try integer(value, "max_tokens", 0...Int64(UInt32.max)) {
      options.maximumTokens = Int(count)
    }
    if let number = try number(value, "temperature") { options.sampling.temperature = number }
    if let number = try number(value, "top_p") { options.sampling.topP = number }
    if let number = try number(value, "min_p") { options.sampling.minP = number }
    if let count = try integer(value, "top_k", 0...Int64(UInt32.max)) {
      options.sampling.topK = UInt32(count)
    }
    if let seed = try integer(value, "seed", 0...Int64.max) {
      options.sampling.seed = UInt64(seed)
    }
    try addPenalties(value, &options.sampling)
    if let sentence = options.sampling.firstInvalid { throw BatchError("\(sentence)") }
    if let stop = member(value, "stop") { options.stops = try stops(stop) }
    if let name = member(value, "adapter") { options.adapter = try adapter(name, model) }
    return options
  }

  /// `NAME` or `NAME:SCALE`.
  private static func adapter(
    _ value: JSONValue, _ model: Model
  ) throws(BatchError) -> AppliedAdapter {
    guard let text = value.string?.text, let choice = AdapterChoice(argument: text) else {
      throw BatchError("\"adapter\" is no name, with or without a scale")
    }
    do throws(VialError) {
      return try model.adapter(named: choice.name, scale: choice.scale)
    } catch {
      guard case .unknownAdapter = error else { throw BatchError("\"adapter\": \(error)") }
      let known = model.adapters.map(\.name)
      throw BatchError(
        "\"adapter\": the file has no such adapter; it has "
          + (known.isEmpty ? "none" : known.joined(separator: ", ")))
    }
  }

  static func integer(
    _ value: JSONValue, _ field: String, _ range: ClosedRange<Int64>
  ) throws(BatchError) -> Int64? {
    guard let member = member(value, field) else { return nil }
    guard let integer = member.integer, range.contains(integer) else {
      throw BatchError("\"\(field)\" is no integer from \(range.lowerBound) to \(range.upperBound)")
    }
    return integer
  }

  static func number(
    _ value: JSONValue, _ field: String
  ) throws(BatchError) -> Float? {
    guard let member = member(value, field) else { return nil }
    guard let number = member.number else { throw BatchError("\"\(field)\" is no number") }
    return Float(number)
  }

  private static func stops(_ value: JSONValue) throws(BatchError) -> StopList {
    let list = value.array ?? [value]
    let stopList = StopList(byteCount: StopStrings.maxCount * StopStrings.maxByteCount)
    guard list.count <= StopStrings.maxCount, let stopList else {
      throw BatchError("\"stop\" has more than \(StopStrings.maxCount) strings")
    }
    for stop in list {
      guard let text = stop.string, stopList.append(text.bytes.span) else {
        throw BatchError(
          "\"stop\" is a string of 1 to \(StopStrings.maxByteCount) bytes, or a list")
      }
    }
    return list.isEmpty ? StopList() : stopList
  }

  /// The prompt's ids.
  func tokens(_ model: Model, isRaw: Bool) throws -> SecureBuffer<UInt32> {
    switch source {
    case .template(let template): return try template.tokens(model, prefill: options.prefill)
    case .prompt(let text):
      return isRaw
        ? try model.rawTokens(text.span, prefill: options.prefill)
        : try model.chatTokens(user: text.span, prefill: options.prefill)
    case .messages(let messages, let tools):
      let byteCount = messages.reduce(tools.count) {
        $0 + $1.role.count + $1.content.count + $1.fields.count
      }
      guard let conversation = Conversation(byteCount: byteCount) else {
        throw VialError.outOfMemory
      }
      for message in messages {
        conversation.append(
          role: message.role.span, content: message.content.span, isLiteral: true)
        if !message.fields.isEmpty { try conversation.setFields(message.fields.span) }
      }
      if !tools.isEmpty { try conversation.setTools(tools.span) }
      return try model.chatTokens(conversation, prefill: options.prefill)
    }
  }
}

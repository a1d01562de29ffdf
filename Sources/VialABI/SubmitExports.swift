// Owns: the export that submits a request: from options to a prompt in wiped memory, limits and a
// callback.
// Must not: compute, or keep a pointer of the caller's but the callback's context.
// The names are those of the header:
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CVial
import Synchronization
import Vial
import VialEngine
import VialFormat
import VialSystem
import VialText

@_cdecl("vial_engine_submit") @implementation
public func vial_engine_submit(
  _ engine: OpaquePointer!, _ options: UnsafePointer<vial_request_options>!,
  _ out_request: UnsafeMutablePointer<OpaquePointer?>!,
  _ out_error: UnsafeMutablePointer<vial_error>!
) -> vial_status {
  status(out_error, readsText: true) { () throws(Failure) in
    let destination = try CArguments.destination(out_request)
    destination.pointee = nil
    let engine = try HandleRegistry.engine(engine)
    guard options != nil else { throw Failure(VIAL_STATUS_INVALID_ARGUMENT) }
    let options = try Structures.options(options, defaults: vial_request_options())
    try CArguments.check(
      flags: options.flags,
      known: VIAL_REQUEST_RAW | VIAL_REQUEST_PRIVATE | VIAL_REQUEST_PINNED
        | VIAL_REQUEST_WITHHOLD_REASONING | VIAL_REQUEST_NO_SCHEMA | VIAL_REQUEST_ENTROPY
        | VIAL_REQUEST_SCORE_PROMPT)
    try CArguments.check(reserved: options.reserved.0 | options.reserved.1)
    let template = try template(of: options, model: engine.model)
    let prefill = try prefill(of: options)
    let prompt = try prompt(of: options, template, prefill, model: engine.model)
    let request = try prepare(prompt, options, template, prefill, on: engine)
    // The callback may run before this call returns, and its event must carry the handle.
    let handle = try HandleRegistry.register(.request(request))
    request.tag.store(UInt(bitPattern: handle), ordering: .releasing)
    destination.pointee = handle
    do throws(VialError) {
      try engine.submit(request)
    } catch {
      destination.pointee = nil
      _ = try HandleRegistry.remove(handle) { _ in true }
      throw Failure(error)
    }
  }
}

/// The prompt template that the options name, or nil.
private func template(
  of options: vial_request_options, model: Model
) throws(Failure) -> PromptTemplate? {
  guard options.template_id.isPresent else {
    guard options.template_values == nil, options.template_value_count == 0 else {
      throw Failure(VIAL_STATUS_INVALID_ARGUMENT)
    }
    return nil
  }
  return try promptTemplate(options.template_id, of: model)
}

/// The answer's first words in wiped memory, or nil when there are none.
private func prefill(of options: vial_request_options) throws(Failure) -> SecureBuffer<UInt8>? {
  let bytes = try CArguments.bytes(of: options.prefill, limit: VIAL_PREFILL_BYTE_LIMIT)
  guard !bytes.isEmpty else { return nil }
  try CArguments.checkUTF8(bytes)
  guard let copy = SecureBuffer<UInt8>(capacity: bytes.count) else {
    throw Failure(VIAL_STATUS_OUT_OF_MEMORY)
  }
  copy.append(contentsOf: bytes.span)
  return copy
}

/// The token ids of whichever form the prompt has.
private func prompt(
  of options: vial_request_options, _ template: PromptTemplate?, _ prefill: SecureBuffer<UInt8>?,
  model: Model
) throws(Failure) -> SecureBuffer<UInt32> {
  let forms = [
    options.text.isPresent,
    options.messages != nil || options.message_count > 0,
    options.tokens != nil || options.token_count > 0,
    template != nil,
  ]
  let isRaw = options.flags & UInt32(VIAL_REQUEST_RAW) != 0
  let tools = try CArguments.bytes(of: options.tools)
  guard forms[1] || tools.isEmpty && options.message_fields == nil else {
    throw Failure(VIAL_STATUS_INVALID_ARGUMENT)
  }
  guard forms.count(where: { $0 }) == 1, forms[0] || !isRaw, prefill == nil || !forms[2] else {
    throw Failure(VIAL_STATUS_INVALID_ARGUMENT)
  }
  if let template {
    return try promptTokens(
      of: template, options.template_values, options.template_value_count, prefill: prefill,
      model: model)
  }
  if forms[1] {
    let messages = try CArguments.elements(
      options.messages, options.message_count, limit: VIAL_MESSAGE_COUNT_LIMIT)
    let fields = try CArguments.elements(
      options.message_fields, options.message_fields == nil ? 0 : options.message_count,
      limit: VIAL_MESSAGE_COUNT_LIMIT)
    let conversation = try conversation(of: messages, tools: tools, fields: fields)
    return try Failure.mapped { () throws(VialError) in
      try model.chatTokens(conversation, prefill: prefill)
    }
  }
  if forms[2] {
    let tokens = try CArguments.tokens(options.tokens, options.token_count, of: model)
    guard let copy = SecureBuffer<UInt32>(capacity: tokens.count) else {
      throw Failure(VIAL_STATUS_OUT_OF_MEMORY)
    }
    copy.append(contentsOf: tokens.span)
    return copy
  }
  let text = try CArguments.bytes(of: options.text)
  // Here, too: encoding would count from the beginning of the rendered prompt.
  try CArguments.checkUTF8(text)
  return try Failure.mapped { () throws(VialError) in
    guard isRaw else { return try model.chatTokens(user: text.span, prefill: prefill) }
    return try model.rawTokens(text.span, prefill: prefill)
  }
}

/// A request that is not submitted yet.
private func prepare(
  _ prompt: SecureBuffer<UInt32>, _ options: vial_request_options, _ template: PromptTemplate?,
  _ prefill: SecureBuffer<UInt8>?, on engine: Engine
) throws(Failure) -> Request {
  var generation = try GenerationOptions(options, template, model: engine.model)
  generation.prefill = prefill
  generation.adapter = try CArguments.adapter(
    options.adapter, scale: options.adapter_scale, of: engine.model)
  generation.grammar = try grammar(of: options, template, on: engine)
  var onEvent: (@Sendable (Request, RequestEvent) -> Void)?
  if let callback = options.on_event {
    let context = HostContext(options.event_context)
    onEvent = { request, event in
      var output = vial_event(event, of: request)
      callback(context.pointer, &output)
    }
  }
  return try Failure.mapped { () throws(VialError) in
    try engine.prepare(prompt: prompt, options: generation, onEvent: onEvent)
  }
}

/// What the answer is held to: the schema or the choices that are given, else the template's
/// schema.
private func grammar(
  of options: vial_request_options, _ template: PromptTemplate?, on engine: Engine
) throws(Failure) -> AnswerGrammar? {
  let schema = try CArguments.bytes(of: options.schema, limit: VIAL_SCHEMA_BYTE_LIMIT)
  let choices = try CArguments.elements(
    options.choices, options.choice_count, limit: VIAL_CHOICE_COUNT_LIMIT)
  guard schema.isEmpty || choices.isEmpty else { throw Failure(VIAL_STATUS_INVALID_ARGUMENT) }
  let isFree =
    schema.isEmpty && choices.isEmpty
    && (template?.schema == nil || options.flags & UInt32(VIAL_REQUEST_NO_SCHEMA) != 0)
  if isFree { return nil }
  guard MemoryReserve.hold(MemoryReserve.choices) else { throw Failure(VIAL_STATUS_OUT_OF_MEMORY) }
  defer { MemoryReserve.release(MemoryReserve.choices) }
  let isPrivate = options.flags & UInt32(VIAL_REQUEST_PRIVATE) != 0
  let tenant = isPrivate ? nil : try CArguments.tenant(options.tenant)
  if !choices.isEmpty {
    var texts: [[UInt8]] = []
    for index in 0..<choices.count {
      texts.append(
        Array(try CArguments.bytes(of: choices[index], limit: VIAL_CHOICE_BYTE_LIMIT)))
    }
    return try Failure.mapped { () throws(VialError) in
      try engine.grammar(choices: texts, tenant: tenant)
    }
  }
  var text = Array(schema)
  if text.isEmpty, options.flags & UInt32(VIAL_REQUEST_NO_SCHEMA) == 0 {
    text = Array((template?.schema ?? "").utf8)
  }
  guard !text.isEmpty else { return nil }
  return try Failure.mapped { () throws(VialError) in
    try engine.grammar(schema: text, tenant: tenant)
  }
}

extension GenerationOptions {
  /// A number of tokens as the header has it: 0 is what a template says, `none` is no token.
  private static func limit(_ number: UInt32, none: UInt32, _ template: Int?) -> Int? {
    switch number {
    case 0: template
    case none: 0
    default: Int(number)
    }
  }

  /// Limits, sampling (what is not given comes from the file) and stop strings.
  fileprivate init(
    _ options: vial_request_options, _ template: PromptTemplate?, model: Model
  ) throws(Failure) {
    var sampling = template.map { model.sampling(of: $0) } ?? model.recommendedSampling
    var rules = TokenRules()
    if let own = try SamplingChoice(options.sampling) {
      (sampling, rules) = (own.parameters, own.rules)
    }
    sampling.seed = options.seed
    sampling.sampleIndex = options.sample_index
    self.init(
      maximumTokens: Self.limit(
        options.max_tokens, none: VIAL_ANSWER_NONE, template?.maximumTokens),
      sampling: sampling)
    self.rules = rules
    maximumReasoningTokens = Self.limit(
      options.max_reasoning_tokens, none: VIAL_REASONING_NONE, template?.maximumReasoningTokens)
    withholdsReasoning = options.flags & UInt32(VIAL_REQUEST_WITHHOLD_REASONING) != 0
    alternativeCount = Int(options.alternative_count)
    reportsEntropy = options.flags & UInt32(VIAL_REQUEST_ENTROPY) != 0
    scoresPrompt = options.flags & UInt32(VIAL_REQUEST_SCORE_PROMPT) != 0
    if options.deadline_milliseconds > 0 {
      deadline = Double(options.deadline_milliseconds) / 1000
    }
    stops = try StopList.list(options)
    if options.stop_count == 0, let template {
      guard let own = StopList(template) else { throw Failure(VIAL_STATUS_OUT_OF_MEMORY) }
      stops = own
    }
    priority = options.priority
    tenant = try CArguments.tenant(options.tenant)
    isPrivate = options.flags & UInt32(VIAL_REQUEST_PRIVATE) != 0
    isPinned = options.flags & UInt32(VIAL_REQUEST_PINNED) != 0
    ownsTexts = true
  }
}

extension StopList {
  /// The stop strings of a request, checked, in wiped memory.
  fileprivate static func list(_ options: vial_request_options) throws(Failure) -> StopList {
    guard options.stop_count <= UInt64(VIAL_STOP_COUNT_LIMIT) else {
      throw Failure(VIAL_STATUS_TOO_LONG)
    }
    let texts = try CArguments.elements(
      options.stops, options.stop_count, limit: VIAL_STOP_COUNT_LIMIT)
    guard options.stop_count > 0 else { return StopList() }
    // Lengths are checked again where they are read; what fits no more then is refused.
    let byteCount = texts.reduce(0) { $0 + min($1.length, UInt64(VIAL_STOP_BYTE_LIMIT)) }
    guard let buffer = StopList(byteCount: Int(byteCount)) else {
      throw Failure(VIAL_STATUS_OUT_OF_MEMORY)
    }
    for index in 0..<texts.count {
      let bytes = try CArguments.bytes(of: texts[index], limit: VIAL_STOP_BYTE_LIMIT)
      try CArguments.checkUTF8(bytes)
      guard buffer.append(bytes.span) else { throw Failure(VIAL_STATUS_INVALID_ARGUMENT) }
    }
    return buffer
  }
}

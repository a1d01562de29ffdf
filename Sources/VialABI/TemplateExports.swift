// Owns: the exports of prompt templates.
// Must not: hold values outside wiped memory.
// The names are those of the header:
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CVial
import Vial
import VialFormat
import VialSystem
import VialText

@_cdecl("vial_model_copy_template_text") @implementation
public func vial_model_copy_template_text(
  _ model: OpaquePointer!, _ index: UInt32, _ which: vial_template_text,
  _ out_text: UnsafeMutablePointer<CChar>!, _ capacity: UInt64,
  _ out_length: UnsafeMutablePointer<UInt64>!,
  _ out_error: UnsafeMutablePointer<vial_error>!
) -> vial_status {
  status(filling: out_text, capacity, out_length, out_error) { buffer throws(Failure) in
    let model = try HandleRegistry.model(model)
    let template = try Failure.mapped { () throws(VialError) in
      try model.promptTemplate(at: Int(index))
    }
    guard let template else { throw Failure(VIAL_STATUS_NOT_IN_FILE) }
    return CArguments.copy(try string(which, of: template), to: buffer)
  }
}

/// The text `VIAL_TEMPLATE_TEXT_…`.
private func string(_ number: UInt32, of template: PromptTemplate) throws(Failure) -> String {
  switch Int(number) {
  case VIAL_TEMPLATE_TEXT_ID: return template.id
  case VIAL_TEMPLATE_TEXT_VERSION: return template.version
  case VIAL_TEMPLATE_TEXT_TASK: return template.task
  case VIAL_TEMPLATE_TEXT_LANGUAGE: return template.language
  case VIAL_TEMPLATE_TEXT_TITLE: return template.title ?? ""
  case VIAL_TEMPLATE_TEXT_SCHEMA: return template.schema ?? ""
  case VIAL_TEMPLATE_TEXT_VARIABLES:
    return template.variables.map { $0.name }.joined(separator: "\n")
  case VIAL_TEMPLATE_TEXT_DECLARATIONS:
    return try declarations(of: template)
  default: throw Failure(VIAL_STATUS_INVALID_ARGUMENT)
  }
}

/// The variables as JSON, while the memory for it is held.
private func declarations(of template: PromptTemplate) throws(Failure) -> String {
  var byteCount = 0
  for variable in template.variables {
    let spellings = variable.units + variable.choices + variable.aliases.map(\.alias)
    byteCount += spellings.reduce(variable.fallback.utf8.count + variable.note.utf8.count) {
      $0 + $1.utf8.count + 256
    }
  }
  // A byte takes six at most, and a list grows by doubling.
  guard byteCount <= MemoryReserve.template / 32 else { throw Failure(VIAL_STATUS_TOO_LONG) }
  guard MemoryReserve.hold(MemoryReserve.template) else {
    throw Failure(VIAL_STATUS_OUT_OF_MEMORY)
  }
  defer { MemoryReserve.release(MemoryReserve.template) }
  return String(decoding: template.declarations, as: UTF8.self)
}

@_cdecl("vial_model_render_prompt_template") @implementation
public func vial_model_render_prompt_template(
  _ model: OpaquePointer!, _ template_id: vial_text,
  _ values: UnsafePointer<vial_template_value>!, _ value_count: UInt64,
  _ out_tokens: UnsafeMutablePointer<UInt32>!, _ capacity: UInt64,
  _ out_token_count: UnsafeMutablePointer<UInt64>!,
  _ out_error: UnsafeMutablePointer<vial_error>!
) -> vial_status {
  status(filling: out_tokens, capacity, out_token_count, out_error, readsText: true) {
    buffer throws(Failure) in
    let model = try HandleRegistry.model(model)
    let template = try promptTemplate(template_id, of: model)
    let tokens = try promptTokens(of: template, values, value_count, model: model)
    return CArguments.copy(tokens, to: buffer)
  }
}

/// The template with an id that the caller gives.
func promptTemplate(
  _ id: vial_text, of model: Model
) throws(Failure) -> PromptTemplate {
  let bytes = try CArguments.bytes(of: id)
  let unknown = Failure(
    VIAL_STATUS_NOT_IN_FILE, message: "the file has no prompt template with this id")
  // No template has a longer id.
  guard bytes.count <= 64, let id = String(validating: bytes, as: UTF8.self) else { throw unknown }
  let template = try Failure.mapped { () throws(VialError) in try model.promptTemplate(id) }
  guard let template else { throw unknown }
  return template
}

/// The ids of a template with values that the caller lends, and of the answer's first words behind
/// them.
func promptTokens(
  of template: PromptTemplate, _ values: UnsafePointer<vial_template_value>?, _ count: UInt64,
  prefill: SecureBuffer<UInt8>? = nil, model: Model
) throws(Failure) -> SecureBuffer<UInt32> {
  let values = try CArguments.elements(values, count, limit: VIAL_TEMPLATE_VALUE_LIMIT)
  var byteCount = 0
  for index in 0..<values.count {
    let (name, text) = try texts(of: values[index])
    byteCount += name.count + text.count
  }
  guard byteCount <= Int(VIAL_TEXT_BYTE_LIMIT) else { throw Failure(VIAL_STATUS_TOO_LONG) }
  guard let buffer = TemplateValues(byteCount: byteCount) else {
    throw Failure(VIAL_STATUS_OUT_OF_MEMORY)
  }
  for index in 0..<values.count {
    let (name, text) = try texts(of: values[index])
    // Fails only when somebody changes the values meanwhile.
    guard buffer.append(name: name.span, value: text.span) else {
      throw Failure(VIAL_STATUS_INVALID_ARGUMENT)
    }
  }
  return try Failure.mapped { () throws(VialError) in
    try model.tokens(of: buffer.render(template), prefill: prefill)
  }
}

private func texts(
  of value: vial_template_value
) throws(Failure) -> (name: UnsafeBufferPointer<UInt8>, text: UnsafeBufferPointer<UInt8>) {
  (
    try CArguments.bytes(of: value.name),
    try CArguments.bytes(of: value.text)
  )
}

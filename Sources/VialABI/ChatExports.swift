// Owns: the export that renders a conversation.
// Must not: hold text outside wiped memory.
// The names are those of the header:
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CVial
import Vial
import VialSystem
import VialText

@_cdecl("vial_model_render_chat_template") @implementation
public func vial_model_render_chat_template(
  _ model: OpaquePointer!, _ messages: UnsafePointer<vial_message>!, _ message_count: UInt64,
  _ flags: UInt32, _ out_tokens: UnsafeMutablePointer<UInt32>!, _ capacity: UInt64,
  _ out_token_count: UnsafeMutablePointer<UInt64>!,
  _ out_error: UnsafeMutablePointer<vial_error>!
) -> vial_status {
  status(filling: out_tokens, capacity, out_token_count, out_error, readsText: true) {
    buffer throws(Failure) in
    let model = try HandleRegistry.model(model)
    let messages = try CArguments.elements(
      messages, message_count, limit: VIAL_MESSAGE_COUNT_LIMIT)
    try CArguments.check(flags: flags, known: 0)
    let conversation = try conversation(of: messages)
    let tokens = try Failure.mapped { () throws(VialError) in try model.chatTokens(conversation) }
    return CArguments.copy(tokens, to: buffer)
  }
}

/// Copies messages into wiped memory, once all of them are known to be in order.
/// - Parameters:
///   - tools: the JSON of tools, or nothing.
///   - fields: for each message the JSON of its further fields, or nothing at all.
func conversation(
  of messages: UnsafeBufferPointer<vial_message>,
  tools: UnsafeBufferPointer<UInt8> = UnsafeBufferPointer(start: nil, count: 0),
  fields: UnsafeBufferPointer<vial_text> = UnsafeBufferPointer(start: nil, count: 0)
) throws(Failure) -> Conversation {
  var byteCount = UInt64(tools.count)
  for index in 0..<fields.count {
    let text = try CArguments.bytes(of: fields[index])
    byteCount += UInt64(text.count)
  }
  for index in 0..<messages.count {
    let (role, content) = try texts(of: messages[index])
    try CArguments.check(flags: messages[index].flags, known: VIAL_MESSAGE_ALLOW_SPECIAL_TOKENS)
    try CArguments.check(flags: messages[index].reserved, known: 0)
    // No overflow: 2^16 messages of 2^25 bytes at most.
    byteCount += UInt64(role.count + content.count)
  }
  guard byteCount <= UInt64(VIAL_TEXT_BYTE_LIMIT) else { throw Failure(VIAL_STATUS_TOO_LONG) }
  guard
    let conversation = Conversation(byteCount: Int(byteCount), messageCount: messages.count)
  else { throw Failure(VIAL_STATUS_OUT_OF_MEMORY) }
  for index in 0..<messages.count {
    let (role, content) = try texts(of: messages[index])
    let isLiteral = messages[index].flags & UInt32(VIAL_MESSAGE_ALLOW_SPECIAL_TOKENS) == 0
    // Fails only when somebody changes the messages meanwhile.
    guard conversation.append(role: role.span, content: content.span, isLiteral: isLiteral)
    else { throw Failure(VIAL_STATUS_INVALID_ARGUMENT) }
    guard index < fields.count else { continue }
    let text = try CArguments.bytes(of: fields[index])
    guard text.count > 0 else { continue }
    try Failure.mapped { () throws(VialError) in try conversation.setFields(text.span) }
  }
  if tools.count > 0 {
    try Failure.mapped { () throws(VialError) in try conversation.setTools(tools.span) }
  }
  return conversation
}

/// Role and content, both valid UTF-8: a template need not show every message that it is given.
private func texts(
  of message: vial_message
) throws(Failure) -> (role: UnsafeBufferPointer<UInt8>, content: UnsafeBufferPointer<UInt8>) {
  let role = try CArguments.bytes(of: message.role)
  let content = try CArguments.bytes(of: message.content)
  try CArguments.checkUTF8(role)
  try CArguments.checkUTF8(content)
  return (role, content)
}

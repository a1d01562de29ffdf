// Owns: a message of a batch's line: its role, its content, and its further fields as JSON.
// Must not: quote a line in an error: it is a patient's text. Errors name fields.

import VialText

/// A message of a line.
struct BatchMessage {
  let role: [UInt8]
  let content: [UInt8]
  /// The object of its further fields; nothing without any.
  let fields: [UInt8]

  /// Reads a message: a content may be missing, or null, where tools are called.
  init(_ value: JSONValue) throws(BatchError) {
    try BatchFields.check(value, known: BatchFields.ofMessage, of: "a message")
    let further = (value.object?.members ?? []).filter {
      $0.key != "role" && $0.key != "content" && !$0.value.isNull
    }
    for member in further {
      let isCalls = member.key == "tool_calls"
      let isFit =
        isCalls
        ? member.value.array?.allSatisfy { $0.object != nil } ?? false
        : member.value.string != nil
      guard isFit else {
        throw BatchError(
          "\"\(member.key)\" of a message is no \(isCalls ? "list of objects" : "string")")
      }
    }
    let calls = further.contains { $0.key == "tool_calls" }
    let content = BatchRequest.member(value, "content")
    guard let role = value["role"]?.string,
      let text = content?.string ?? (calls && content == nil ? "" : nil)
    else { throw BatchError("a message needs the strings \"role\" and \"content\"") }
    (self.role, self.content) = (role.bytes, text.bytes)
    let object = JSONObject(members: further, index: [:])
    fields = further.isEmpty ? [] : JSONValue.object(object).compactText
  }
}

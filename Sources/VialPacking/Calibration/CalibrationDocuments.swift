// Owns: the two forms of a calibration file: plain text, and JSONL with a conversation or a text a
// line.
// Must not: tokenise, or show text in an error.

import VialText

/// What a calibration file says.
enum CalibrationDocuments: Sendable {
  /// One text.
  case text([UInt8])
  /// One document a line.
  case lines([Document])

  /// A line of JSONL.
  enum Document: Sendable {
    case text([UInt8])
    /// Messages in order.
    case conversation([Message])
  }

  /// A message of a conversation.
  struct Message: Sendable {
    var role: [UInt8]
    var content: [UInt8]
  }

  /// Reads UTF-8 bytes. A file whose first line is a JSON object is JSONL, and then every line has
  /// to be one.
  init(_ bytes: [UInt8]) throws(PackingError) {
    let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
    func isBlank(_ line: ArraySlice<UInt8>) -> Bool { line.allSatisfy { $0 <= 0x20 } }
    guard let first = lines.first(where: { !isBlank($0) }),
      let value = try? JSONReader.parse(Array(first)), value.object != nil
    else {
      self = .text(bytes)
      return
    }
    var documents: [Document] = []
    for (index, line) in lines.enumerated() where !isBlank(line) {
      do {
        documents.append(try Self.document(JSONReader.parse(Array(line))))
      } catch let error as JSONError {
        throw PackingError("line \(index + 1): \(error)")
      } catch {
        throw PackingError("line \(index + 1): \((error as? PackingError)?.message ?? "not read")")
      }
    }
    self = .lines(documents)
  }

  private static func document(_ value: JSONValue) throws -> Document {
    if let text = value["text"]?.string { return .text(text.bytes) }
    guard let list = (value["messages"] ?? value["conversations"])?.array, !list.isEmpty else {
      throw PackingError("no \"messages\" and no \"text\"")
    }
    return .conversation(
      try list.map { message in
        guard let role = (message["role"] ?? message["from"])?.string,
          let content = (message["content"] ?? message["value"])?.string
        else { throw PackingError("a message without \"role\" or \"content\"") }
        var bytes = content.bytes
        if let reasoning = message["reasoning_content"]?.string, !reasoning.bytes.isEmpty {
          bytes = Array("<think>\n".utf8) + reasoning.bytes + Array("\n</think>\n\n".utf8) + bytes
        }
        return Message(role: role.bytes, content: bytes)
      })
  }
}

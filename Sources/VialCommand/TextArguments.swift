// Owns: where a command's text or ids come from: --text, --file or --ids.
// Must not: tokenise. A file is taken byte for byte.

import ArgumentParser
import Vial
import VialFormat
import VialSystem
import VialText

/// A list of ids: `1,2,3`.
struct TokenList: ExpressibleByArgument {
  let ids: [UInt32]

  init?(argument: String) {
    var ids: [UInt32] = []
    for field in argument.split(separator: ",", omittingEmptySubsequences: false) {
      guard let id = UInt32(field.trimmingSpaces) else { return nil }
      ids.append(id)
    }
    self.ids = ids
  }

  /// The first id that the model's vocabulary lacks is an error.
  func check(_ model: Model) throws {
    let size = model.file.configuration.vocabularySize
    if let id = ids.first(where: { $0 >= UInt32(clamping: size) }) {
      throw CommandFailure("id \(id) is not in the vocabulary of \(size)")
    }
  }
}

extension Substring {
  /// Without spaces at either end.
  fileprivate var trimmingSpaces: Substring {
    var text = self
    while text.first == " " { text.removeFirst() }
    while text.last == " " { text.removeLast() }
    return text
  }
}

/// Reads a text argument or file into UTF-8 bytes.
enum TextInput {
  /// The bytes of `text`, or of the file at `path`, checked to be UTF-8.
  static func bytes(text: String?, path: String?) throws -> [UInt8] {
    guard let path else { return Array((text ?? "").utf8) }
    let bytes = try FileReader(path: path).readAll(limit: UInt64(Tokenizer.maxTextByteCount))
    return bytes
  }
}

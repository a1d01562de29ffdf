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

/// Flags of the commands that take a text: where it comes from and how it is encoded.
struct TextArguments: ParsableArguments {
  @Option(help: "The text.")
  var text: String?

  @Option(name: .customLong("file"), help: "A file with the text, UTF-8, taken byte for byte.")
  var path: String?

  @Flag(help: "Put the model's tokens around the text (BOS, EOS).")
  var special = false

  @Flag(help: "Text that spells a special token stays text.")
  var literal = false

  /// How many sources were named; exactly one is wanted, a command's own included.
  var sourceCount: Int { (text == nil ? 0 : 1) + (path == nil ? 0 : 1) }

  /// The ids of the text.
  func tokens(_ model: Model) throws -> SecureBuffer<UInt32> {
    var bytes = Array((text ?? "").utf8)
    if let path {
      bytes = try FileReader(path: path).readAll(limit: UInt64(Tokenizer.maxTextByteCount))
    }
    return try model.encode(
      bytes.span, options: EncodeOptions(addsSpecialTokens: special, isLiteral: literal))
  }
}

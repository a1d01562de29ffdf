// Owns: `vial tokenize`: text to ids and back, exactly as the model sees them.
// Must not: know how text is cut; the file's tokenizer does.

import ArgumentParser
import Vial
import VialFormat
import VialSystem
import VialText

/// `vial tokenize FILE (--text TEXT | --file PATH | --decode 1,2,3)`.
struct TokenizeCommand: CheckedCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenize", abstract: "Turn text into token ids, or ids into text.")

  @Argument(help: "The .vial file.")
  var file: String

  @OptionGroup var input: TextArguments

  @Option(parsing: .unconditional, help: ArgumentHelp("Ids to decode.", valueName: "1,2,3"))
  var decode: TokenList?

  @Flag(help: "One JSON object: tokens, or text with --decode.")
  var json = false

  func check() throws {
    guard input.sourceCount + (decode == nil ? 0 : 1) == 1 else {
      throw ValidationError("give exactly one of --text, --file and --decode")
    }
  }

  func run() throws {
    try CommandFailure.wrap {
      let model = try Model.opened(file)
      if let decode {
        try decode.check(model)
        try show(text: Self.text(of: decode.ids, model.tokenizer))
      } else {
        try show(tokens: try input.tokens(model))
      }
    }
  }

  private func show(tokens: SecureBuffer<UInt32>) throws {
    if json {
      var output = JSONOutput()
      output.object { $0.member("tokens", ids: tokens.span) }
      return try StandardOutput.write(output.text + "\n")
    }
    let line = (0..<tokens.count).map { String(tokens.pointer[$0]) }.joined(separator: " ")
    try StandardOutput.write(line + "\n")
  }

  private func show(text: String) throws {
    guard json else { return try StandardOutput.write(answer: text + "\n") }
    var output = JSONOutput()
    output.object { $0.member("text", text) }
    try StandardOutput.write(output.text + "\n")
  }

  private static func text(of ids: [UInt32], _ tokenizer: Tokenizer) -> String {
    var capacity = ids.count * 16 + 64
    while true {
      var bytes = [UInt8](repeating: 0, count: capacity)
      var output = bytes.mutableSpan
      let count = tokenizer.decode(ids.span, into: &output)
      if count <= capacity { return String(decoding: bytes[..<count], as: UTF8.self) }
      capacity = count
    }
  }
}

// The chat template of a checkpoint: its source, where it is, and its compiled form where that can be had.
// Must not: stop a pack; without a compiled template a model still answers raw prompts.

import VialText

/// A chat template as found and as compiled.
struct ChatTemplateSource: Sendable {
  /// The template's text; nil when the checkpoint has none.
  private(set) var text: [UInt8]?
  /// The chat template section; nil when there is no template, or none that can be compiled.
  private(set) var section: [UInt8]?
  /// What the user should know, one line each.
  private(set) var warnings: [String] = []

  /// Looks for a template and compiles it.
  ///
  /// - Parameters:
  ///   - settings: the parsed `tokenizer_config.json`.
  ///   - file: the bytes of `chat_template.jinja`, which wins over the settings.
  ///   - specialTokens: `bos_token` and the like as text.
  init(settings: Settings?, file: [UInt8]?, specialTokens: [String: String]) {
    if let file {
      text = file
    } else if let value = settings?.value("chat_template") {
      text = ChatTemplateCompiler.template(in: settings?.json).map { Array($0.utf8) }
      if text == nil {
        let kind = value.array == nil ? "is not a string" : "has no template called default"
        warn("chat_template \(kind)")
      }
    }
    compile(specialTokens: specialTokens, date: nil)
  }

  /// Compiles the text, with a day for `strftime_now`.
  mutating func compile(specialTokens: [String: String], date: TemplateDate?) {
    guard let bytes = text, !bytes.isEmpty else { return }
    guard let source = String(validating: bytes, as: UTF8.self) else {
      text = nil
      warn("chat_template.jinja is not UTF-8")
      return
    }
    (section, warnings) = (nil, [])
    do {
      let compiled = try ChatTemplateCompiler.compile(
        source, specialTokens: specialTokens, date: date)
      section = compiled.section
      warnings = compiled.warnings.map(PackingError.printable)
    } catch {
      warn("\(error)")
    }
  }

  private mutating func warn(_ what: String) {
    warnings.append(
      PackingError.printable(what) + "; packed without a chat template: `vial run` needs --raw")
  }
}

// Owns: the chat template of a checkpoint: its source, where it is, and its compiled form where
// that can be had.
// Must not: stop a pack; without a compiled template a model still answers raw prompts.

import VialText

/// A chat template as found and as compiled.
struct ChatTemplateSource: Sendable {
  /// The template's text; nil when the checkpoint has none.
  private(set) var text: [UInt8]?
  /// The chat template section; nil when there is no template, or none that can be compiled.
  private(set) var section: [UInt8]?
  /// The incompatible features that a file with the section needs.
  private(set) var incompatibleFeatures: UInt64 = 0
  /// What the user should know about the compiled form.
  private(set) var notices = PackNotices()
  /// What is known before anything is compiled.
  private var origin = PackNotices()

  /// Looks for a template and compiles it.
  ///
  /// - Parameters:
  ///   - settings: the parsed `tokenizer_config.json`.
  ///   - file: the bytes of `chat_template.jinja`, which wins over the settings.
  ///   - specialTokens: `bos_token` and the like as text.
  init(settings: Settings?, file: [UInt8]?, specialTokens: [String: String]) {
    if let file {
      text = file
      if let other = ChatTemplateCompiler.template(in: settings?.json), Array(other.utf8) != file {
        origin.differs(
          "chat_template.jinja and tokenizer_config.json differ in the chat template; the file holds, as"
            + " in transformers")
      }
    } else if let value = settings?.value("chat_template") {
      text = ChatTemplateCompiler.template(in: settings?.json).map { Array($0.utf8) }
      if text == nil {
        let kind = value.array == nil ? "is not a string" : "has no template called default"
        origin.omits(Self.without("chat_template \(kind)"))
      }
      let others = (value.array ?? []).compactMap { $0["name"]?.text }.filter { $0 != "default" }
      origin.omits(
        others, { "chat template \(PackingError.printable($0)) is not the default one; left out" },
        kind: "chat templates")
    }
    compile(specialTokens: specialTokens, date: nil)
  }

  /// Compiles the text, with a day for `strftime_now`.
  mutating func compile(specialTokens: [String: String], date: TemplateDate?) {
    notices = origin
    guard let bytes = text, !bytes.isEmpty else { return }
    guard let source = String(validating: bytes, as: UTF8.self) else {
      text = nil
      notices.omits(Self.without("chat_template.jinja is not UTF-8"))
      return
    }
    (section, incompatibleFeatures) = (nil, 0)
    do {
      let compiled = try ChatTemplateCompiler.compile(
        source, specialTokens: specialTokens, date: date)
      section = compiled.section
      incompatibleFeatures = compiled.incompatibleFeatures
      for warning in compiled.warnings { notices.differs(PackingError.printable(warning)) }
    } catch {
      notices.omits(Self.without("\(error)"))
    }
  }

  private static func without(_ what: String) -> String {
    PackingError.printable(what) + "; packed without a chat template: `vial run` needs --raw"
  }
}

// The entry points for hostile bytes, by name: what the fuzzers call and what the tests replay.
// Owns: names and dispatch. Must not: judge a result; a trap, a sanitizer's report or a hang is the finding.

/// One entry point; the raw value names its folder in Tests/Fuzz/corpora.
public enum FuzzTarget: String, CaseIterable, Sendable {
  /// A whole file: roots, tables, tokenizer, chat template, binder, one forward step, verification.
  case open
  /// A section table under right digests.
  case sections
  /// A tensor table under right digests, with weights of any length.
  case tensors
  /// A key–value payload, also as a configuration.
  case keyvalues
  /// A tokenizer section: opening, encoding, decoding.
  case tokenizer
  /// Changes of tokenizer tables, and a part of a text that is repeated: what they cost together.
  case encoding
  /// A chat template's program: opening, rendering.
  case template
  /// A compressed text.
  case lz4
  /// A safetensors file's header.
  case safetensors
  /// A checkpoint's config.json and generation_config.json.
  case config
  /// A checkpoint's tokenizer.json.
  case tokenizerjson
  /// The Jinja source of a chat template.
  case jinja
  /// A prompt template's section: opening, rendering.
  case prompt
  /// A prompt template's text file.
  case promptfile
  /// A JSON schema, a zero, and a text to hold against it.
  case schema
  /// A pattern of a schema, behind bytes for the lengths of the string.
  case pattern

  /// Makes what inputs share, so that the first one does not pay for it.
  public func prepare() {
    switch self {
    case .schema, .pattern: GrammarTargets.prepare()
    case .open: _ = TinyModel.bytes
    default: break
    }
  }

  /// Feeds `input` to the entry point.
  public func run(_ input: [UInt8]) {
    switch self {
    case .open: FileTargets.open(input)
    case .sections: FileTargets.sections(input)
    case .tensors: FileTargets.tensors(input)
    case .keyvalues: FileTargets.keyValues(input)
    case .lz4: FileTargets.compressedText(input)
    case .tokenizer: TextTargets.tokenizer(input)
    case .encoding: EncodingTarget.run(input)
    case .template: TextTargets.template(input)
    case .safetensors: CheckpointTargets.safetensors(input)
    case .config: CheckpointTargets.configuration(input)
    case .tokenizerjson: CheckpointTargets.tokenizer(input)
    case .jinja: CheckpointTargets.chatTemplate(input)
    case .prompt: PromptTargets.section(input)
    case .promptfile: PromptTargets.file(input)
    case .schema: GrammarTargets.schema(input)
    case .pattern: GrammarTargets.pattern(input)
    }
  }
}

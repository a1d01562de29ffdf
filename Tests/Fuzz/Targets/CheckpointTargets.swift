// Targets that read what a packer reads: the text files of a checkpoint, in memory.
import VialPacking

enum CheckpointTargets {
  /// The input is the file.
  static func safetensors(_ input: [UInt8]) {
    let byteCount = UInt64(input.count)
    guard let tensors = try? CheckpointParsing.safetensors(input) else { return }
    var end: UInt64?
    for tensor in tensors {
      if tensor.lowerBound != end ?? tensor.lowerBound { fatalError("a hole or an overlap") }
      end = tensor.upperBound
    }
    if let end, end != byteCount { fatalError("tensors do not end where the file ends") }
  }

  /// The input is config.json; it serves as generation_config.json, too.
  static func configuration(_ input: [UInt8]) {
    try? CheckpointParsing.configuration(input)
    try? CheckpointParsing.generationDefaults(input)
  }

  /// The input is tokenizer.json, or, after a zero byte, also tokenizer_config.json.
  static func tokenizer(_ input: [UInt8]) {
    let parts = input.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
    let settings = parts.count > 1 ? Array(parts[1]) : nil
    guard
      let section = try? CheckpointParsing.tokenizer(Array(parts.first ?? []), settings: settings)
    else { return }
    TextTargets.tokenizer([0] + section)
  }

  /// The input is the template's source.
  static func chatTemplate(_ input: [UInt8]) {
    let source = String(decoding: input, as: UTF8.self)
    let tokens = ["bos_token": "<s>", "eos_token": "</s>"]
    guard let compiled = try? ChatTemplateCompiler.compile(source, specialTokens: tokens) else {
      return
    }
    TextTargets.template(compiled.section)
  }
}

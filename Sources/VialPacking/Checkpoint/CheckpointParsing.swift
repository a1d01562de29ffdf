// Owns: the checks of a checkpoint's text files on bytes in memory, one file at a time, exactly as
// packing does them: the doors that fuzzers knock at.
// Must not: check anything itself.

/// Parses single files of a checkpoint.
package enum CheckpointParsing {
  /// A safetensors file; returns where its tensors lie, in file order.
  package static func safetensors(_ file: [UInt8]) throws(PackingError) -> [Range<UInt64>] {
    let name = TensorIndex.singleName
    let length = try SafetensorsHeader.byteCount(
      Array(file.prefix(8)), fileByteCount: UInt64(file.count), fileName: name)
    let header = try SafetensorsHeader(
      parsing: Array(file[8..<8 + length]), fileByteCount: UInt64(file.count), fileName: name)
    return header.entries.map { $0.fileOffset..<$0.fileOffset + $0.byteCount }
  }

  /// config.json.
  package static func configuration(_ bytes: [UInt8]) throws(PackingError) {
    let settings = try Settings(parsing: bytes, fileName: "config.json")
    let configuration = try CheckpointConfiguration(settings)
    _ = TensorPlan(configuration)
    _ = (configuration.inverseFrequencies, configuration.layerTraits)
  }

  /// generation_config.json.
  package static func generationDefaults(_ bytes: [UInt8]) throws(PackingError) {
    _ = try GenerationDefaults(Settings(parsing: bytes, fileName: "generation_config.json"))
  }

  /// tokenizer.json and, where there is one, tokenizer_config.json; returns the tokenizer section.
  package static func tokenizer(
    _ bytes: [UInt8], settings: [UInt8]?
  ) throws(PackingError) -> [UInt8] {
    var parsed: Settings?
    if let settings {
      parsed = try Settings(parsing: settings, fileName: "tokenizer_config.json")
    }
    return try TokenizerSettings(
      tokenizer: Settings(parsing: bytes, fileName: "tokenizer.json", isStrict: true),
      settings: parsed,
      templateFile: nil, rowCount: nil
    ).tables.section
  }
}

// Owns: what a caller can ask of the packer: the flags of `vial pack` as values.
// Must not: check what it holds; packing does.

import VialFormat
package import VialSystem

/// An adapter to be packed.
public struct AdapterFolder: Sendable {
  /// The name that requests choose it by.
  public var name: String
  /// Its folder.
  public var path: String

  /// Name and folder.
  public init(name: String, path: String) {
    self.name = name
    self.path = path
  }
}

/// One packing job.
public struct PackOptions: Sendable {
  /// Folder of the checkpoint, or a GGUF file.
  public var sourcePath: String
  /// File to write; an existing one is replaced when the new one is complete.
  public var outputPath: String
  /// Encodings of the tensors.
  public var recipe = WeightRecipe()
  /// Chooses the integers of linear layers by calibration; nil rounds to nearest.
  public var calibration: CalibrationOptions?
  /// Fills the tensors with random numbers of this seed instead of reading weights.
  public var randomSeed: UInt64?
  /// Worker threads; nil takes as many as the process may use.
  public var threadCount: Int?
  /// What people call the model; nil takes `_name_or_path` of config.json or `general.name` of a
  /// GGUF file, if there is one. It is no part of the model digest.
  public var modelName: String?
  /// Licence, credit and notice for provenance, where the checkpoint cannot say them.
  public var license: String?
  public var credit: String?
  public var notice: String?
  /// Adapters for the file: names that requests choose them by, and folders of PEFT or mlx-lm.
  public var adapters: [AdapterFolder] = []
  /// The name of one of `adapters` that goes into the weights instead of into a section of its own.
  public var mergedAdapter: String?
  /// Signs the file.
  package var signingKey: SigningKey?
  /// Folder with prompt templates, a file each; nil takes the default set.
  public var templatesPath: String?
  /// What the chat template takes for today; nil: it has no clock.
  public var templateDate: TemplateDate?
  /// Whether the checkpoint's own files (tokenizer.json, config.json and the like) go into the file
  /// as texts. Model card and licence do in any case.
  public var keepsSources = true
  /// Name and version of the program that packs, for provenance.
  public var tool = "vial"

  /// A job with `vial pack`'s defaults.
  public init(sourcePath: String, outputPath: String) {
    self.sourcePath = sourcePath
    self.outputPath = outputPath
  }
}

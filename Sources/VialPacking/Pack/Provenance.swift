// Owns: where a file came from and how it was made: the provenance section's key–values, and their
// keys.
// Must not: hold a time, a path, or a folder's or machine's name, because the same input must give
// the same bytes.
// Source: Spec/FORMAT.md, "Provenance".

import CVialKernels
import VialFormat

/// What provenance says.
struct Provenance: Sendable {
  /// What people call the model.
  var modelName: String?
  /// What the source calls itself.
  var baseModel: String?
  var license: String?
  var credit: String?
  var notice: String?
  var tool: String
  /// `"sha256  name"` each, sorted by name.
  var sourceDigests: [String]
  var recipe: RecipeReport
  /// The adapter that went into the weights.
  var mergedAdapter: String?
  /// Present when linear layers were calibrated.
  var calibration: CalibrationRecord?
  /// Present when the weights are random numbers.
  var randomSeed: UInt64?

  /// The section's payload.
  func encoded() throws(FormatError) -> [UInt8] {
    var builder = KeyValueBuilder()
    builder["model.name"] = modelName.map { .text($0) }
    builder["base_model"] = baseModel.map { .text($0) }
    builder["licence"] = license.map { .text($0) }
    builder["credit"] = credit.map { .text($0) }
    builder["notice"] = notice.map { .text($0) }
    builder["source.digests"] = .textArray(sourceDigests)
    builder["recipe"] = .text(recipe.summary)
    builder["recipe.weights"] = .text(recipe.weights)
    builder["recipe.embedding"] = .text(recipe.embedding)
    builder["recipe.head"] = .text(recipe.head)
    builder["recipe.group"] = recipe.group.map { .unsigned(UInt64($0)) }
    builder["recipe.codebook"] = recipe.codebook.map { .text($0) }
    builder["recipe.method"] = recipe.method.map { .text($0) }
    builder["recipe.merged"] = mergedAdapter.map { .text($0) }
    builder["calibration.digest"] = calibration.map { .bytes($0.digest.bytes) }
    builder["calibration.tokens"] = calibration.map { .unsigned(UInt64($0.tokenCount)) }
    builder["calibration.recipe"] = calibration.map { .text($0.recipe) }
    builder["source.quantization"] = recipe.origin.map { .text($0.summary) }
    builder["random_weights.seed"] = randomSeed.map { .unsigned($0) }
    builder["tool"] = .text(tool)
    builder["version.arithmetic"] = .unsigned(UInt64(VIAL_ARITHMETIC_VERSION))
    builder["version.format"] = .text(
      "\(FormatConstants.majorVersion).\(FormatConstants.minorVersion)")
    return try builder.build()
  }
}

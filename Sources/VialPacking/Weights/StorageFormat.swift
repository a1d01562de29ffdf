// How one weight tensor is stored: encoding, group, zero points, codebook; and which of that a recipe decides.
// Must not: know names or files.

import VialFormat

/// The stored form of a weight tensor.
struct StorageFormat: Sendable, Equatable {
  var encoding: WeightEncoding
  /// Means nothing for float encodings.
  var group: WeightRecipe.Group
  /// Whether int4 groups have zero points of their own.
  var isAsymmetric: Bool
  /// The levels that int4 integers stand for, then without zero points; nil: the integers themselves.
  var codebook: Codebook?
}

/// A tensor that the source has quantised or rounded already, for the recipe to keep or to change.
enum SourceForm: Sendable, Equatable {
  /// Floats of a checkpoint that is packed as the recipe says.
  case original
  /// Stored without loss in this format.
  case stored(StorageFormat)
  /// Can only be decoded and encoded anew; the text says why, after the tensor's name.
  case foreign(reason: String)
}

extension ResolvedRecipe {
  /// The format of a matrix, and whether the source's own numbers go into it as they are.
  func format(
    of planned: PlannedTensor, source: SourceForm
  ) throws(PackingError) -> (format: StorageFormat, keepsSource: Bool) {
    let asked = explicitEncoding(of: planned.role)
    switch source {
    case .original: break
    case .stored(let format):
      let isSame =
        asked == format.encoding
        && (!format.encoding.isQuantized || askedGroup == nil || askedGroup == format.group)
        && self.format(encoding: format.encoding).codebook == format.codebook
      if asked == nil || isSame { return (format, true) }
    case .foreign(let reason):
      guard asked != nil || self.asked.weights != nil else {
        throw PackingError("tensor \(planned.name) \(reason)")
      }
    }
    return (self.format(encoding: asked ?? encoding(of: planned.role)), false)
  }

  /// An encoding with what the recipe says of group, zero points and codebook.
  private func format(encoding: WeightEncoding) -> StorageFormat {
    let codebook = encoding == .int4 && codebook == .levels ? Codebook.forWeights : nil
    return StorageFormat(
      encoding: encoding, group: group, isAsymmetric: codebook == nil, codebook: codebook)
  }
}

// Owns: in which format a source's tensor is stored: what the recipe decides, and what a quantized
// source decides.
// Must not: know names or files.

import VialArchitectures
import VialFormat

/// A tensor that the source has quantised or rounded already, for the recipe to keep or to change.
enum SourceForm: Sendable, Equatable {
  /// Floats of a checkpoint that is packed as the recipe says.
  case original
  /// Stored without loss in this format.
  case stored(TensorFormat)
  /// Can only be decoded and encoded anew; the text says why, after the tensor's name.
  case foreign(reason: String)
}

extension ResolvedRecipe {
  /// The format of a matrix, and whether the source's own numbers go into it as they are.
  func format(
    of planned: PlannedTensor, source: SourceForm
  ) throws(PackingError) -> (format: TensorFormat, keepsSource: Bool) {
    let asked = explicitEncoding(of: planned.role)
    switch source {
    case .original: break
    case .stored(let format):
      let isSame =
        asked == format.encoding
        && (!format.encoding.isQuantized || askedGroup == nil
          || askedGroup?.rawValue == format.group)
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
  private func format(encoding: TensorEncoding) -> TensorFormat {
    guard encoding.isQuantized else { return TensorFormat(encoding) }
    let codebook = encoding == .int4 && grid == .codebook ? Codebook.forWeights : nil
    return TensorFormat(
      encoding, group: group.rawValue, isAsymmetric: encoding == .int4 && codebook == nil,
      codebook: codebook)
  }
}

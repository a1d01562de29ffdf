// Owns: what a model says about itself beyond its configuration.
// Must not: read weights.

import VialFormat

extension Model {
  /// Numbers in all tensors. O(tensors).
  public var parameterCount: UInt64 { sum { UInt64(clamping: $0.shape.elementCount) } }

  /// Bytes of all tensors as stored. O(tensors).
  public var weightsByteCount: UInt64 { sum { UInt64(clamping: $0.byteCount) } }

  /// What people call the model; may be empty. It decides nothing and may differ between files of
  /// one model digest.
  public func name() throws(VialError) -> String {
    do throws(FormatError) { return try file.modelName() } catch { throw VialError(error) }
  }

  /// What the file's provenance wants every user to see; nil when it says nothing.
  public func notice() throws(VialError) -> String? {
    do throws(FormatError) { return try file.provenanceText("notice") } catch {
      throw VialError(error)
    }
  }

  /// Sums over the tensors; a hostile table saturates it.
  private func sum(_ value: (TensorDescriptor) -> UInt64) -> UInt64 {
    var total: UInt64 = 0
    for index in 0..<file.tensors.count {
      let (sum, overflow) = total.addingReportingOverflow(value(file.tensors[index]))
      total = overflow ? .max : sum
    }
    return total
  }
}

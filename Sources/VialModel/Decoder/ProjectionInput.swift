// Owns: what a projection multiplies: where it comes from, and rooms for it that workers do not share.
// Must not: compute.

import VialCompute
import VialSystem

/// Rows of activations that a projection multiplies, and how they are prepared.
struct ProjectionInput {
  let projection: Projection
  /// `rows` × depth floats, neither normalised nor quantised.
  let source: UnsafeMutablePointer<Float>
  /// Floats from one row of the source to the next.
  let stride: Int
  let rows: Int
  /// RMSNorm's weights; nil when the source is multiplied as it is.
  let norm: WeightVector?
  /// `[row]`: set when a quantised value was not finite.
  let marks: UnsafeMutablePointer<UInt8>
  /// Every worker prepares all rows for itself, in the phase that multiplies them: for a few rows that is cheaper than
  /// a phase, and a barrier, of its own.
  let isPrivate: Bool

  /// Floats of a row.
  var depth: Int { projection.matrices[0].columns }
}

/// A prepared input, as kernels take it.
struct PreparedInput {
  /// Normalised rows, for float matrices.
  let floats: UnsafeMutablePointer<Float>
  /// Floats from one row to the next.
  let stride: Int
  let rows: Int
  private var group32, group64, group128: PanelView?

  init(floats: UnsafeMutablePointer<Float>, stride: Int, rows: Int) {
    self.floats = floats
    self.stride = stride
    self.rows = rows
  }

  /// Quantised rows in groups of 32, 64 or 128; nil when no matrix of the projection needs them.
  subscript(group: UInt32) -> PanelView? {
    get { group == 32 ? group32 : group == 64 ? group64 : group128 }
    set {
      switch group {
      case 32: group32 = newValue
      case 64: group64 = newValue
      default: group128 = newValue
      }
    }
  }
}

/// One worker's room for an input of up to `maximumRows` rows.
final class PrivateInput: @unchecked Sendable {
  /// Rows of one panel: more are shared out.
  static let maximumRows = 8

  /// Rows lie as those of `DecoderBuffers.normed`.
  let normed: UnsafeMutablePointer<Float>
  /// Where every worker but the first one marks, so that no two write the same byte.
  let marks: UnsafeMutablePointer<UInt8>
  let panels: [UInt32: ActivationPanels]
  private let memory: WorkMemory
  private let rowByteCount: Int

  init?(shape: DecoderShape, depth: Int, groups: Set<UInt32>, source: MemorySource?) {
    guard let stride = RowStride.floats(width: shape.hiddenSize) else { return nil }
    let (floats, overflow) = stride.multipliedReportingOverflow(
      by: Self.maximumRows * MemoryLayout<Float>.stride)
    guard !overflow, let memory = WorkMemory(byteCount: floats + Self.maximumRows, source: source)
    else { return nil }
    var panels: [UInt32: ActivationPanels] = [:]
    for group in groups {
      guard
        let room = ActivationPanels(
          maximumColumns: Self.maximumRows, maximumDepth: depth, group: group, memory: source)
      else { return nil }
      panels[group] = room
    }
    self.memory = memory
    self.panels = panels
    normed = memory.elements(Float.self)
    marks = (memory.base + floats).assumingMemoryBound(to: UInt8.self)
    rowByteCount = floats / Self.maximumRows
  }

  /// Wipes the first `rows` rows.
  func wipe(rows: Int) {
    memory.wipe(byteCount: rows * rowByteCount)
    for room in panels.values { room.wipe(columns: rows) }
  }
}

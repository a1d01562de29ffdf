// Owns: the activations that a projection multiplies: their source, their prepared form, and each
// worker's own memory for them.
// Must not: compute.

import VialCompute
import VialSystem

/// Rows of activations that a projection multiplies, and how they are prepared.
struct ActivationSource {
  let projection: Projection
  /// `rows` × depth floats, neither normalised nor quantised.
  let floats: UnsafeMutablePointer<Float>
  /// Floats from one row to the next.
  let stride: Int
  let rows: Int
  /// RMSNorm's weights; nil when the source is multiplied as it is.
  let norm: WeightVector?
  /// `[row]`: set to 1 when a quantised value is not finite.
  let nonFiniteFlags: UnsafeMutablePointer<UInt8>
  /// Whether every worker prepares all rows for itself, in the phase that multiplies them. For a
  /// few rows that is cheaper than a phase, and a barrier, of its own.
  let isPerWorker: Bool

  /// Floats of a row.
  var depth: Int { projection.matrices[0].columns }
}

/// Activations as kernels take them: normalised, and quantised where matrices are.
struct QuantizedActivations {
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

/// One worker's own activations of up to `maximumRows` rows.
final class WorkerActivations: @unchecked Sendable {
  /// Rows of one panel; more are divided among the workers.
  static let maximumRows = 8

  /// Rows lie as those of `DecoderBuffers.normed`.
  let normed: UnsafeMutablePointer<Float>
  /// Flags of every worker but the first one, so that no two write the same byte.
  let nonFiniteFlags: UnsafeMutablePointer<UInt8>
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
        let panel = ActivationPanels(
          maximumTokens: Self.maximumRows, maximumDepth: depth, group: group, memory: source)
      else { return nil }
      panels[group] = panel
    }
    self.memory = memory
    self.panels = panels
    normed = memory.elements(Float.self)
    nonFiniteFlags = (memory.base + floats).assumingMemoryBound(to: UInt8.self)
    rowByteCount = floats / Self.maximumRows
  }

  /// Wipes the first `rows` rows.
  func wipe(rows: Int) {
    memory.wipe(byteCount: rows * rowByteCount)
    for panel in panels.values { panel.wipe(tokens: rows) }
  }
}

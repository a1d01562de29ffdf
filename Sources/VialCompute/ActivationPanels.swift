// Owns: where quantised activations live, and their quantisation panel by panel.
// Must not: allocate after it was made.

public import CVialKernels
public import VialSystem

/// Room for the quantised activations of up to `maximumColumns` tokens of depth up to `maximumDepth`, in groups of `group`.
public final class ActivationPanels: @unchecked Sendable {
  private let memory: WorkMemory

  private let group: UInt32
  private let maximumDepth: Int

  /// nil when memory is short.
  public init?(
    maximumColumns: Int, maximumDepth: Int, group: UInt32, memory source: MemorySource? = nil
  ) {
    self.group = group
    var byteCount = 0
    for columns in Set([1, 2, 4, 8, maximumColumns]) where columns <= max(8, maximumColumns) {
      byteCount = max(
        byteCount, vial_panels_byte_count(UInt32(columns), UInt32(maximumDepth), group))
    }
    guard byteCount > 0, let memory = WorkMemory(byteCount: byteCount, source: source)
    else { return nil }
    self.memory = memory
    self.maximumDepth = maximumDepth
  }

  /// Wipes what views of up to `columns` tokens may have left, or one of `shareCount` equal shares of it.
  public func wipe(columns: Int, share: Int = 0, of shareCount: Int = 1) {
    var byteCount = 0
    for fewer in Set([1, 2, 4, 8, columns]) where fewer <= columns {
      byteCount = max(
        byteCount, vial_panels_byte_count(UInt32(fewer), UInt32(maximumDepth), group))
    }
    let own = WorkShare.range(of: byteCount, worker: share, of: shareCount)
    memory.wipe(from: own.lowerBound, byteCount: own.count)
  }

  /// The view for `columns` tokens of depth `depth`, both within the maxima; contents are undefined.
  /// - Parameter zeroSums: whether it is multiplied by a kernel that wants them (`KernelFamily.wantsZeroSums`) with weights
  ///   that have zero points.
  public func view(columns: Int, depth: Int, zeroSums: Bool) -> PanelView {
    PanelView(vial_panels_make(memory.base, UInt32(columns), UInt32(depth), group, zeroSums))
  }
}

/// Quantised activations as a product takes them: a borrowed view of `ActivationPanels`.
public struct PanelView {
  @usableFromInline let panels: vial_panels

  @usableFromInline init(_ panels: vial_panels) { self.panels = panels }
}

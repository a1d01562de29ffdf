// Owns: where quantised activations live, and their quantisation panel by panel.
// Must not: allocate after it was made.

public import VialKernels
public import VialSystem

/// Room for the quantised activations of up to `maximumColumns` tokens of depth up to `maximumDepth`.
public final class ActivationPanels: @unchecked Sendable {
  private let memory: WorkMemory

  /// Makes room for every group size; nil when memory is short.
  public init?(maximumColumns: Int, maximumDepth: Int, memory source: MemorySource? = nil) {
    var byteCount = 0
    for group: UInt32 in [32, 64, 128] {
      for columns in Set([1, 2, 4, 8, maximumColumns]) where columns <= max(8, maximumColumns) {
        byteCount = max(
          byteCount, vial_panels_byte_count(UInt32(columns), UInt32(maximumDepth), group))
      }
    }
    guard byteCount > 0, let memory = WorkMemory(byteCount: byteCount, source: source)
    else { return nil }
    self.memory = memory
  }

  /// The view for `columns` tokens of depth `depth`, both within the maxima; contents are undefined.
  public func view(columns: Int, depth: Int, group: UInt32) -> vial_panels {
    vial_panels_make(memory.base, UInt32(columns), UInt32(depth), group)
  }
}

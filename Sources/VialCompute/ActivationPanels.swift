// Owns: the memory of quantised activations, in panels of 1, 2, 4 or 8 tokens.
// Must not: allocate after it was made.

public import CVialKernels
public import VialSystem

/// Memory for the quantised activations of up to `maximumTokens` tokens of depth up to
/// `maximumDepth`, in groups of `group`.
public final class ActivationPanels: @unchecked Sendable {
  private let memory: WorkMemory

  private let group: UInt32
  private let maximumDepth: Int

  /// nil when memory is short.
  public init?(
    maximumTokens: Int, maximumDepth: Int, group: UInt32, memory source: MemorySource? = nil
  ) {
    self.group = group
    var byteCount = 0
    for tokens in Set([1, 2, 4, 8, maximumTokens]) where tokens <= max(8, maximumTokens) {
      byteCount = max(
        byteCount, vial_panels_byte_count(UInt32(tokens), UInt32(maximumDepth), group))
    }
    guard byteCount > 0, let memory = WorkMemory(byteCount: byteCount, source: source)
    else { return nil }
    self.memory = memory
    self.maximumDepth = maximumDepth
  }

  /// Wipes what views of up to `tokens` tokens may have left: all, or one of `portionCount` equal
  /// portions.
  public func wipe(tokens: Int, portion: Int = 0, of portionCount: Int = 1) {
    var byteCount = 0
    for fewer in Set([1, 2, 4, 8, tokens]) where fewer <= tokens {
      byteCount = max(
        byteCount, vial_panels_byte_count(UInt32(fewer), UInt32(maximumDepth), group))
    }
    let own = WorkPortion.range(of: byteCount, worker: portion, of: portionCount)
    memory.wipe(from: own.lowerBound, byteCount: own.count)
  }

  /// The view for `tokens` tokens of depth `depth`, both within the maxima; contents are undefined.
  /// - Parameter zeroSums: whether it is multiplied by a kernel that wants them
  ///   (`KernelFamily.wantsZeroSums`) with weights that have zero points.
  public func view(tokens: Int, depth: Int, zeroSums: Bool) -> PanelView {
    PanelView(vial_panels_make(memory.base, UInt32(tokens), UInt32(depth), group, zeroSums))
  }
}

/// Quantised activations as a product takes them: a borrowed view of `ActivationPanels`.
public struct PanelView {
  @usableFromInline let panels: vial_panels

  @usableFromInline init(_ panels: vial_panels) { self.panels = panels }
}

// Owns: the view of one f32 vector in the mapped file (norm weights, biases, rotary frequencies).
// Must not: read it when made.

public import VialFormat

/// A plain f32 vector, borrowed from the file.
public struct WeightVector: @unchecked Sendable {
  /// First element; valid as long as this value lives.
  public let base: UnsafePointer<Float>
  /// Number of elements.
  public let count: Int
  private let region: ByteRegion

  /// A view of `region` as exactly `count` floats, or nil when size or alignment do not fit.
  public init?(region: ByteRegion, count: Int) {
    let address = region.baseAddress
    guard count >= 0, region.byteCount == count.multipliedReportingOverflow(by: 4).partialValue,
      count <= Int.max / 4, UInt(bitPattern: address) % 4 == 0
    else { return nil }
    self.base = address.assumingMemoryBound(to: Float.self)
    self.count = count
    self.region = region
  }
}

// Owns: the distance between rows of activations.
// Must not: influence a result; strides only say where bytes are.

/// Distances between the rows of a step's tokens.
///
/// A product writes the same few columns of all rows, and what follows reads them back. Widths of
/// models are multiples of large powers of two: rows that lie a width apart fall on 2 or 4 of a
/// first cache's 64 sets, and push one another out.
public enum RowStride {
  private static let floatsPerLine = CacheLine.byteCount / MemoryLayout<Float>.stride

  /// Floats from one row of `width` floats (0 or more) to the next: an odd number of cache lines,
  /// so that neighbours take turns through all sets. nil when it does not fit an Int. O(1).
  public static func floats(width: Int) -> Int? {
    let lines = width / floatsPerLine + (width % floatsPerLine == 0 ? 0 : 1)
    let (stride, overflow) = (lines | 1).multipliedReportingOverflow(by: floatsPerLine)
    return overflow ? nil : stride
  }
}

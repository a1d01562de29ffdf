// Stop strings: ending a text where it spells one of them, and holding back what might.
// Must not: let any byte of a stop string out, or keep text longer than the longest of them.

/// A filter behind a `StreamingDecoder` that watches for stop strings.
public struct StopStrings: ~Copyable, Sendable {
  /// Most stop strings of one request.
  public static let maxCount = 16
  /// Longest stop string in bytes.
  public static let maxByteCount = 256

  private var stops = WipedBuffer<UInt8>(capacity: maxCount * maxByteCount, fill: 0)
  private var lengths = InlineArray<16, Int>(repeating: 0)
  private var held = WipedBuffer<UInt8>(capacity: maxByteCount, fill: 0)
  private var heldCount = 0
  /// Number of stop strings.
  public private(set) var count = 0
  /// Whether a stop string was met; nothing is let out any more.
  public private(set) var isStopped = false

  /// A filter without stop strings, which lets everything through.
  public init() {}

  /// Adds one; false when it is empty, too long or one too many.
  public mutating func add(_ stop: Span<UInt8>) -> Bool {
    guard count < Self.maxCount, !stop.isEmpty, stop.count <= Self.maxByteCount else {
      return false
    }
    for index in 0..<stop.count { stops[count * Self.maxByteCount + index] = stop[index] }
    lengths[count] = stop.count
    count += 1
    return true
  }

  /// Takes text, writes what may be shown to the start of `output` (room for `text.count` bytes and
  /// `maxByteCount` more is enough) and returns its length.
  public mutating func append(
    _ text: Span<UInt8>, into output: inout MutableSpan<UInt8>
  ) -> Int {
    var written = 0
    for index in 0..<text.count {
      if isStopped { break }
      if count == 0 {
        Self.write(text[index], &output, &written)
      } else {
        take(text[index], &output, &written)
      }
    }
    return written
  }

  /// Ends the text: what was held back is no stop string after all.
  public mutating func finish(into output: inout MutableSpan<UInt8>) -> Int {
    var written = 0
    if !isStopped { release(heldCount, &output, &written) }
    return written
  }

  private mutating func take(
    _ byte: UInt8, _ output: inout MutableSpan<UInt8>, _ written: inout Int
  ) {
    held[heldCount] = byte
    heldCount += 1
    var keep = 0
    for stop in 0..<count {
      let match = longestPrefix(of: stop)
      if match == lengths[stop] {
        release(heldCount - match, &output, &written)
        isStopped = true
        heldCount = 0
        return
      }
      keep = max(keep, match)
    }
    release(heldCount - keep, &output, &written)
  }

  /// Length of the longest start of a stop string that ends the held text.
  private func longestPrefix(of stop: Int) -> Int {
    let bytes = held.span
    let pattern = stops.span
    var length = min(lengths[stop], heldCount)
    while length > 0 {
      var index = 0
      while index < length,
        bytes[heldCount - length + index] == pattern[stop * Self.maxByteCount + index]
      {
        index += 1
      }
      if index == length { break }
      length -= 1
    }
    return length
  }

  private mutating func release(
    _ byteCount: Int, _ output: inout MutableSpan<UInt8>, _ written: inout Int
  ) {
    for index in 0..<byteCount { Self.write(held[index], &output, &written) }
    for index in byteCount..<heldCount { held[index - byteCount] = held[index] }
    heldCount -= byteCount
  }

  private static func write(
    _ byte: UInt8, _ output: inout MutableSpan<UInt8>, _ written: inout Int
  ) {
    if written < output.count { output[written] = byte }
    written += 1
  }
}

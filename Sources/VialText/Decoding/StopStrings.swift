// Owns: stop strings: ending a text where it spells one of them, and holding back what might.
// Must not: let any byte of a stop string out, keep text longer than the longest of them, or take
// longer for a byte than their number.
// Source: Knuth, Morris & Pratt, "Fast pattern matching in strings", 1977.

/// A filter behind a `StreamingDecoder` that watches for stop strings.
public struct StopStrings: ~Copyable, Sendable {
  /// Most stop strings of one request.
  public static let maxCount = 16
  /// Longest stop string in bytes.
  public static let maxByteCount = 256

  private var stops = WipedBuffer<UInt8>()
  /// For each byte of each stop string: how many of its first bytes end there again, itself
  /// excepted.
  private var borders = WipedBuffer<UInt16>()
  private var lengths = InlineArray<16, Int>(repeating: 0)
  /// How many bytes of each stop string end the text so far.
  private var matched = InlineArray<16, Int>(repeating: 0)
  /// The text that is held back, in a ring from `heldStart`.
  private var held = WipedBuffer<UInt8>()
  private var heldStart = 0
  private var heldCount = 0
  /// Number of stop strings.
  public private(set) var count = 0
  /// Whether a stop string was met; nothing is let out any more.
  public private(set) var isStopped = false

  /// A filter without stop strings, which lets everything through.
  public init() {}

  /// Adds one; false when it is empty, too long or one too many, or memory is short.
  public mutating func add(_ stop: Span<UInt8>) -> Bool {
    guard count < Self.maxCount, !stop.isEmpty, stop.count <= Self.maxByteCount,
      (try? stops.reserve(Self.maxCount * Self.maxByteCount, fill: 0)) != nil,
      (try? borders.reserve(Self.maxCount * Self.maxByteCount, fill: 0)) != nil,
      (try? held.reserve(Self.maxByteCount, fill: 0)) != nil
    else { return false }
    let first = count * Self.maxByteCount
    var border = 0
    for index in 0..<stop.count {
      stops[first + index] = stop[index]
      guard index > 0 else { continue }
      while border > 0, stop[index] != stop[border] { border = Int(borders[first + border - 1]) }
      if stop[index] == stop[border] { border += 1 }
      borders[first + index] = UInt16(border)
    }
    lengths[count] = stop.count
    count += 1
    return true
  }

  /// Takes text, writes what may be shown to the start of `output` (room for `text.count` bytes and
  /// `maxByteCount` more is enough) and returns its length. Of several stop strings that end with
  /// the same byte, the longest ends the text.
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
    // One byte at least was let out or there was room: what is held ends in a part of a stop
    // string.
    held[(heldStart + heldCount) % Self.maxByteCount] = byte
    heldCount += 1
    var (longest, whole) = (0, 0)
    for stop in 0..<count {
      let match = extended(stop, by: byte)
      matched[stop] = match
      longest = max(longest, match)
      if match == lengths[stop] { whole = max(whole, match) }
    }
    if whole > 0 {
      release(heldCount - whole, &output, &written)
      isStopped = true
      heldCount = 0
    } else {
      release(heldCount - longest, &output, &written)
    }
  }

  /// How many bytes of a stop string end the text with one byte more.
  private func extended(_ stop: Int, by byte: UInt8) -> Int {
    let first = stop * Self.maxByteCount
    var match = matched[stop]
    while match > 0, stops[first + match] != byte { match = Int(borders[first + match - 1]) }
    return stops[first + match] == byte ? match + 1 : 0
  }

  private mutating func release(
    _ byteCount: Int, _ output: inout MutableSpan<UInt8>, _ written: inout Int
  ) {
    for _ in 0..<byteCount {
      Self.write(held[heldStart], &output, &written)
      heldStart = (heldStart + 1) % Self.maxByteCount
    }
    heldCount -= byteCount
  }

  private static func write(
    _ byte: UInt8, _ output: inout MutableSpan<UInt8>, _ written: inout Int
  ) {
    if written < output.count { output[written] = byte }
    written += 1
  }
}

// Owns: NFC over spans (decompose, order, compose, one cluster at a time), and which stretches of a
// text need it; the rest is copied.
// Must not: be quadratic on hostile runs of combining marks.
// Source: Spec/TOKENIZER.md, "NFC".

/// Normalises text to form C with the pinned tables.
package enum NormalizationC {
  /// Whether no character of the range can change under NFC. O(n).
  static func isStable(
    _ text: Span<UInt8>, _ range: Range<Int>, _ classes: UnicodeClassView
  ) -> Bool {
    var position = range.lowerBound
    while position < range.upperBound {
      if text[position] < 0x80 {
        position += 1
        continue
      }
      let scalar = UTF8Text.decode(text, at: position, limit: range.upperBound)
      if classes[scalar.value].isUnstable { return false }
      position += scalar.byteCount
    }
    return true
  }

  /// A decomposed character has its combining class above its 21 bits.
  private static let classShift: UInt32 = 24
  private static let scalarMask: UInt32 = 0xFF_FFFF

  /// Characters that `byteCount` bytes may decompose to: at most four from three bytes.
  static func scalarCapacity(for byteCount: Int) -> Int { byteCount + byteCount / 2 + 8 }

  /// Bytes that the normalised form of `byteCount` bytes may need.
  static func capacity(for byteCount: Int) -> Int { byteCount * 3 + 16 }

  /// Writes the normalised range to `workspace.normalized` and returns its length. When
  /// `literals` is given, `workspace.literalFlags` tells for each byte whether it came from there.
  /// - Parameter growth: bytes by which the form may be longer than the text.
  /// - Throws: `normalizedTextTooLong`, `outOfMemory`.
  static func normalize(
    _ text: Span<UInt8>, _ range: Range<Int>, _ classes: UnicodeClassView, growth: Int,
    literals: LiteralRanges, wantsFlags: Bool, workspace: inout TokenizerWorkspace
  ) throws(TextError) -> Int {
    defer { workspace.dropScalars() }
    let capacity = capacity(for: range.count)
    try workspace.normalized.reserve(capacity, fill: 0)
    if wantsFlags { try workspace.literalFlags.reserve(capacity, fill: 0) }
    var written = 0
    var literal = literals.cursor
    var copied = range.lowerBound
    var lastStable = range.lowerBound
    var position = range.lowerBound
    while position < range.upperBound {
      let scalar = UTF8Text.decode(text, at: position, limit: range.upperBound)
      guard classes[scalar.value].isUnstable else {
        lastStable = position
        position += scalar.byteCount
        continue
      }
      position = clusterEnd(text, position + scalar.byteCount, range.upperBound, classes)
      let cluster = lastStable..<position
      written = copy(
        text, copied..<cluster.lowerBound, at: written, &literal, wantsFlags, &workspace)
      let end = try compose(text, cluster, at: written, &workspace)
      if wantsFlags {
        let flag: UInt8 = literal.meets(cluster) ? 1 : 0
        fill(&workspace.literalFlags, written..<end, flag)
      }
      written = end
      guard written - (position - range.lowerBound) <= growth else {
        throw .normalizedTextTooLong
      }
      copied = position
      lastStable = position
    }
    return copy(text, copied..<range.upperBound, at: written, &literal, wantsFlags, &workspace)
  }

  /// Where the run of unstable characters from `position` ends.
  private static func clusterEnd(
    _ text: Span<UInt8>, _ position: Int, _ limit: Int, _ classes: UnicodeClassView
  ) -> Int {
    var position = position
    while position < limit {
      let scalar = UTF8Text.decode(text, at: position, limit: limit)
      guard classes[scalar.value].isUnstable else { break }
      position += scalar.byteCount
    }
    return position
  }

  private static func copy(
    _ text: Span<UInt8>, _ range: Range<Int>, at written: Int, _ literal: inout LiteralCursor,
    _ wantsFlags: Bool, _ workspace: inout TokenizerWorkspace
  ) -> Int {
    var output = workspace.normalized.mutableSpan
    for index in 0..<range.count { output[written + index] = text[range.lowerBound + index] }
    if wantsFlags {
      var flags = workspace.literalFlags.mutableSpan
      for index in 0..<range.count {
        let position = range.lowerBound + index
        flags[written + index] = literal.meets(position..<position + 1) ? 1 : 0
      }
    }
    return written + range.count
  }

  private static func fill(_ buffer: inout WipedBuffer<UInt8>, _ range: Range<Int>, _ value: UInt8)
  {
    var span = buffer.mutableSpan
    for index in range { span[index] = value }
  }

  /// Decomposes one cluster, orders its marks, composes it and writes it; returns the new end.
  private static func compose(
    _ text: Span<UInt8>, _ cluster: Range<Int>, at written: Int,
    _ workspace: inout TokenizerWorkspace
  ) throws(TextError) -> Int {
    try workspace.scalars.reserve(scalarCapacity(for: cluster.count), fill: 0)
    var count = decompose(text, cluster, &workspace.scalars)
    try order(count, &workspace.scalars, &workspace.sortedScalars)
    count = recompose(count, &workspace.scalars)
    return write(workspace.scalars, count, to: &workspace.normalized, at: written)
  }

  private static func write(
    _ buffer: borrowing WipedBuffer<UInt32>, _ count: Int, to normalized: inout WipedBuffer<UInt8>,
    at written: Int
  ) -> Int {
    let scalars = buffer.span
    var output = normalized.mutableSpan
    var end = written
    for index in 0..<count {
      end = UTF8Text.encode(scalars[index] & scalarMask, into: &output, at: end)
    }
    return end
  }

  private static func decompose(
    _ text: Span<UInt8>, _ cluster: Range<Int>, _ buffer: inout WipedBuffer<UInt32>
  ) -> Int {
    var scalars = buffer.mutableSpan
    var count = 0
    var position = cluster.lowerBound
    while position < cluster.upperBound {
      let scalar = UTF8Text.decode(text, at: position, limit: cluster.upperBound)
      position += scalar.byteCount
      NormalizationTables.decompose(scalar.value) { part in
        scalars[count] = UInt32(NormalizationTables.combiningClass(part)) << classShift | part
        count += 1
      }
    }
    return count
  }

  /// Canonical ordering: each run of marks is sorted by class, stably.
  private static func order(
    _ count: Int, _ buffer: inout WipedBuffer<UInt32>, _ spare: inout WipedBuffer<UInt32>
  ) throws(TextError) {
    var start = 0
    while start < count {
      let run = markRun(from: start, count, buffer)
      if !run.isOrdered { try sort(start..<run.end, &buffer, &spare) }
      start = run.end
    }
  }

  /// Where the run of marks from `start` ends (at least one on) and whether it is in order.
  private static func markRun(
    from start: Int, _ count: Int, _ buffer: borrowing WipedBuffer<UInt32>
  ) -> (end: Int, isOrdered: Bool) {
    let scalars = buffer.span
    guard scalars[start] >> classShift != 0 else { return (start + 1, true) }
    var end = start + 1
    var isOrdered = true
    while end < count, scalars[end] >> classShift != 0 {
      if scalars[end] >> classShift < scalars[end - 1] >> classShift { isOrdered = false }
      end += 1
    }
    return (end, isOrdered)
  }

  /// A stable counting sort by class: linear, whatever the run's length.
  private static func sort(
    _ run: Range<Int>, _ buffer: inout WipedBuffer<UInt32>, _ spare: inout WipedBuffer<UInt32>
  ) throws(TextError) {
    try spare.reserve(run.count, fill: 0)
    var starts = InlineArray<257, Int>(repeating: 0)
    var scalars = buffer.mutableSpan
    var sorted = spare.mutableSpan
    for index in run { starts[Int(scalars[index] >> classShift & 0xFF) + 1] += 1 }
    for index in 1..<257 { starts[index] += starts[index - 1] }
    for index in run {
      let mark = Int(scalars[index] >> classShift & 0xFF)
      sorted[starts[mark]] = scalars[index]
      starts[mark] += 1
    }
    for index in 0..<run.count { scalars[run.lowerBound + index] = sorted[index] }
  }

  private static func recompose(_ count: Int, _ buffer: inout WipedBuffer<UInt32>) -> Int {
    var scalars = buffer.mutableSpan
    var starter = -1
    var lastClass = -1
    var written = 0
    for index in 0..<count {
      let entry = scalars[index]
      let mark = Int(entry >> classShift)
      if starter >= 0, lastClass < mark,
        let composite = NormalizationTables.compose(
          scalars[starter] & scalarMask, entry & scalarMask)
      {
        scalars[starter] = composite
        continue
      }
      if mark == 0 {
        starter = written
        lastClass = -1
      } else {
        lastClass = mark
      }
      scalars[written] = entry
      written += 1
    }
    return written
  }
}

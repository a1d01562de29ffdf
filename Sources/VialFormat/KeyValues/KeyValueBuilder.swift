// Owns: the writing of a key–value payload in its one canonical form.
// Must not: accept what the reader would refuse.
// Source: Spec/FORMAT.md, "Key–values".

/// Collects key–values and encodes them sorted by key.
package struct KeyValueBuilder: Sendable {
  private var values: [String: KeyValue] = [:]

  package init() {}

  /// Sets a key; a later value replaces an earlier one.
  package subscript(key: String) -> KeyValue? {
    get { values[key] }
    set { values[key] = newValue }
  }

  /// The payload.
  /// - Throws: the rule that a key or value breaks (R-301 … R-307).
  package func build() throws(FormatError) -> [UInt8] {
    let sorted = values.sorted { Array($0.key.utf8).lexicographicallyPrecedes(Array($1.key.utf8)) }
    var heap: [UInt8] = []
    for (key, _) in sorted { heap.append(contentsOf: key.utf8) }
    var entries: [UInt8] = []
    var keyOffset: UInt32 = 0
    for (key, value) in sorted {
      let keyByteCount = UInt32(truncatingIfNeeded: key.utf8.count)
      entries.append(field: keyOffset)
      entries.append(field: keyByteCount)
      entries.append(field: value.type.rawValue)
      keyOffset += keyByteCount
      let (elements, scalar, bytes) = KeyValueBuilder.encode(value)
      entries.append(field: elements)
      if value.type.isScalar {
        entries.append(field: scalar)
        entries.append(field: UInt64(8))
      } else {
        heap.pad(toMultipleOf: 8)
        entries.append(field: UInt64(heap.count))
        entries.append(field: UInt64(bytes.count))
        heap.append(contentsOf: bytes)
      }
    }
    var payload = KeyValueTable.magic
    payload.append(field: UInt32(truncatingIfNeeded: sorted.count))
    payload.append(field: UInt32(KeyValueTable.entryStride))
    payload.append(field: UInt32(0))
    payload.append(field: UInt64(KeyValueTable.headerByteCount + entries.count))
    payload.append(field: UInt64(heap.count))
    payload.append(contentsOf: entries)
    payload.append(contentsOf: heap)
    _ = try KeyValueTable(ByteRegion(copying: payload), context: "key–values")
    return payload
  }

  /// Element count, scalar and heap bytes of a value.
  private static func encode(_ value: KeyValue) -> (UInt32, UInt64, [UInt8]) {
    var bytes: [UInt8] = []
    var elements = 1
    switch value {
    case .unsigned(let number): return (1, number, [])
    case .signed(let number): return (1, UInt64(bitPattern: number), [])
    case .float(let number): return (1, number.bitPattern, [])
    case .bool(let flag): return (1, flag ? 1 : 0, [])
    case .text(let text):
      bytes = Array(text.utf8)
      elements = bytes.count
    case .bytes(let content):
      bytes = content
      elements = bytes.count
    case .unsignedArray(let numbers):
      for number in numbers { bytes.append(field: number) }
      elements = numbers.count
    case .floatArray(let numbers):
      for number in numbers { bytes.append(field: number.bitPattern) }
      elements = numbers.count
    case .textArray(let texts):
      for text in texts {
        bytes.append(field: UInt32(truncatingIfNeeded: text.utf8.count))
        bytes.append(contentsOf: text.utf8)
      }
      elements = texts.count
    }
    return (UInt32(truncatingIfNeeded: elements), 0, bytes)
  }
}

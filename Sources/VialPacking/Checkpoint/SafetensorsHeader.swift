// Owns: the header of a safetensors file, checked before anything is read by it: the format's own
// rules (names unique, data contiguous without holes or overlaps, sizes equal to shape × type) are
// all enforced.
// Must not: read tensor data.
// Source: safetensors README, "Format".

import VialText

/// One tensor of a safetensors file.
struct SafetensorsEntry: Sendable {
  /// Name as bytes; names of packed tensors are ASCII.
  var name: JSONString
  var element: TensorElement
  /// Outermost first; empty for a scalar.
  var shape: [Int]
  /// Byte offset of the data from the start of the file; may be at any alignment.
  var fileOffset: UInt64
  var byteCount: UInt64
}

/// The checked header of a safetensors file.
struct SafetensorsHeader: Sendable {
  /// Largest header that is read, as in the reference implementation.
  static let maximumByteCount: UInt64 = 100_000_000

  /// Tensors in the order of their data.
  let entries: [SafetensorsEntry]

  /// The header's length, from a file's first 8 bytes (all of them, when it is shorter).
  static func byteCount(
    _ start: [UInt8], fileByteCount: UInt64, fileName: String
  ) throws(PackingError) -> Int {
    guard start.count == 8, fileByteCount >= 8 else {
      throw PackingError(
        "\(fileName): too short for a safetensors file (\(fileByteCount) bytes)")
    }
    let length = start.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= maximumByteCount else {
      throw PackingError(
        "\(fileName): header length \(length) is above the limit of 100000000 bytes")
    }
    guard length <= fileByteCount - 8 else {
      throw PackingError("\(fileName): header of \(length) bytes does not fit the file")
    }
    return Int(length)
  }

  /// Parses a header.
  ///
  /// - Parameters:
  ///   - bytes: the JSON text, without the length before it.
  ///   - fileByteCount: length of the whole file.
  ///   - fileName: for messages.
  init(parsing bytes: [UInt8], fileByteCount: UInt64, fileName: String) throws(PackingError) {
    let root = try Settings(parsing: bytes, fileName: "\(fileName) header", isStrict: true)
    // The caller has read the header, so these do not exceed the file.
    let dataStart = 8 + UInt64(bytes.count)
    let dataByteCount = fileByteCount - dataStart
    var entries: [SafetensorsEntry] = []
    for member in root.allMembers where member.key != "__metadata__" as JSONString {
      entries.append(
        try Self.entry(
          member, dataStart: dataStart, dataByteCount: dataByteCount, fileName: fileName))
    }
    entries.sort { ($0.fileOffset, $0.byteCount) < ($1.fileOffset, $1.byteCount) }
    try Self.checkContiguous(
      entries, dataStart: dataStart, dataByteCount: dataByteCount, fileName: fileName)
    self.entries = entries
  }

  private static func entry(
    _ member: JSONObject.Member, dataStart: UInt64, dataByteCount: UInt64, fileName: String
  ) throws(PackingError) -> SafetensorsEntry {
    let label = "\(fileName): tensor \(PackingError.printable(member.key.bytes))"
    guard let object = member.value.object else {
      throw PackingError("\(label) is not described by an object")
    }
    guard let type = object["dtype"]?.text else { throw PackingError("\(label) has no dtype") }
    guard let element = TensorElement(name: type) else {
      throw PackingError("\(label) has unknown dtype \(PackingError.printable(type))")
    }
    guard let dimensions = object["shape"]?.array, dimensions.count <= 8 else {
      throw PackingError("\(label) has no shape, or one of more than 8 dimensions")
    }
    var shape: [Int] = []
    var byteCount = UInt64(element.byteCount)
    for dimension in dimensions {
      guard let size = dimension.integer, size >= 0 else {
        throw PackingError("\(label) has a shape that is not whole numbers")
      }
      let (product, overflow) = byteCount.multipliedReportingOverflow(by: UInt64(size))
      guard !overflow else { throw PackingError("\(label) has a shape that overflows") }
      byteCount = product
      shape.append(Int(size))
    }
    guard let offsets = object["data_offsets"]?.array, offsets.count == 2,
      let begin = offsets[0].integer, let end = offsets[1].integer, begin >= 0, end >= begin
    else { throw PackingError("\(label) has no valid data_offsets") }
    guard UInt64(end) <= dataByteCount else {
      throw PackingError("\(label) ends at byte \(end) of \(dataByteCount) bytes of data")
    }
    guard UInt64(end - begin) == byteCount else {
      throw PackingError(
        "\(label) has \(end - begin) bytes, but its shape and dtype need \(byteCount)")
    }
    return SafetensorsEntry(
      name: member.key, element: element, shape: shape, fileOffset: dataStart + UInt64(begin),
      byteCount: byteCount)
  }

  /// The data must be covered from its first byte to its last, each byte once.
  private static func checkContiguous(
    _ entries: [SafetensorsEntry], dataStart: UInt64, dataByteCount: UInt64, fileName: String
  ) throws(PackingError) {
    var expected = dataStart
    for entry in entries {
      guard entry.fileOffset == expected else {
        let what =
          entry.fileOffset < expected ? "overlaps the one before" : "leaves a hole before it"
        throw PackingError(
          "\(fileName): tensor \(PackingError.printable(entry.name.bytes)) \(what)")
      }
      expected += entry.byteCount
    }
    guard expected == dataStart + dataByteCount else {
      throw PackingError(
        "\(fileName): \(dataStart + dataByteCount - expected) bytes after the last tensor")
    }
  }
}

// Owns: a GGUF file (version 2 or 3), or a set of them: metadata by key, tensors by name, all sizes
// checked against the files.
// Must not: read tensor data, or know what the other keys mean.
// Source: ggml's docs/gguf.md; llama.cpp's gguf-split.

import VialText

/// A tensor of a GGUF file.
struct GGUFTensor: Sendable {
  /// The file of the set that holds it.
  var file: SourceFile
  var type: GGUFTensorType
  /// Outermost first, as in a checkpoint.
  var shape: [Int]
  /// Bytes from the start of the file.
  var fileOffset: UInt64
  var byteCount: UInt64
}

/// A GGUF file whose header was checked.
struct GGUFFile: Sendable {
  /// Most keys and most tensors.
  static let maximumCount: UInt64 = 1 << 16

  /// The file that holds the metadata: the first of a set.
  let source: SourceFile
  /// The other files of its set, in order.
  private(set) var others: [SourceFile] = []
  private(set) var metadata: [JSONString: GGUFValue] = [:]
  private(set) var tensors: [JSONString: GGUFTensor] = [:]

  /// Opens the file at `path` and checks its header. The first file of a split set brings the
  /// others with it.
  init(path: String) throws(PackingError) {
    try self.init(partAt: path)
    guard let set = try GGUFSplit(self, path: path) else { return }
    for part in try set.others() {
      others.append(part.source)
      for (name, tensor) in part.tensors {
        guard tensors.updateValue(tensor, forKey: name) == nil else {
          throw part.error("tensor \(PackingError.printable(name.bytes)) is in another part, too")
        }
      }
    }
    try set.check(tensorCount: tensors.count)
  }

  /// Opens one file.
  init(partAt path: String) throws(PackingError) {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    source = try SourceFile(path: path, name: PackingError.printable(name))
    var cursor = GGUFCursor(source)
    guard source.byteCount >= 24, Array(try cursor.bytes(4)) == Array("GGUF".utf8) else {
      throw cursor.error(
        "not a GGUF file; give one, or the folder that holds config.json and the weights")
    }
    let version = try cursor.u32()
    if (1...3).contains(version.byteSwapped) {
      throw cursor.error(
        "a big-endian GGUF file, which is not read; gguf-py's gguf_convert_endian.py makes a little-endian one"
      )
    }
    guard version == 2 || version == 3 else {
      throw cursor.error(
        "GGUF version \(version) is not read (2 and 3, little-endian)")
    }
    let tensorCount = try cursor.u64()
    let keyCount = try cursor.u64()
    guard tensorCount <= Self.maximumCount, keyCount <= Self.maximumCount else {
      throw cursor.error("\(tensorCount) tensors and \(keyCount) keys are too many")
    }
    for _ in 0..<keyCount {
      let key = JSONString(bytes: try cursor.string())
      guard metadata.updateValue(try cursor.value(), forKey: key) == nil else {
        throw cursor.error("key \(PackingError.printable(key.bytes)) appears twice")
      }
    }
    var infos: [(name: JSONString, tensor: GGUFTensor)] = []
    for _ in 0..<tensorCount { infos.append(try Self.tensor(&cursor, source)) }
    try layOut(infos, headerEnd: cursor.position, cursor)
  }

  private static func tensor(
    _ cursor: inout GGUFCursor, _ file: SourceFile
  ) throws(PackingError) -> (name: JSONString, tensor: GGUFTensor) {
    let name = JSONString(bytes: try cursor.string())
    let label = "tensor \(PackingError.printable(name.bytes))"
    let rank = try cursor.u32()
    guard (1...4).contains(rank) else { throw cursor.error("\(label) has \(rank) dimensions") }
    var shape: [Int] = []
    for _ in 0..<rank {
      let size = try cursor.u64()
      guard size >= 1, size <= 1 << 32 else {
        throw cursor.error("\(label) has a dimension of \(size)")
      }
      shape.insert(Int(size), at: 0)
    }
    let number = try cursor.u32()
    guard let type = GGUFTensorType(number) else {
      throw cursor.error("\(label) has unknown type \(number)")
    }
    let offset = try cursor.u64()
    guard let columns = shape.last, columns % type.blockElementCount == 0 else {
      throw cursor.error("\(label) has rows that are not whole blocks of \(type.name)")
    }
    var byteCount = UInt64(columns / type.blockElementCount) * UInt64(type.blockByteCount)
    for size in shape.dropLast() {
      let (product, overflow) = byteCount.multipliedReportingOverflow(by: UInt64(size))
      guard !overflow else { throw cursor.error("\(label) has a shape that overflows") }
      byteCount = product
    }
    return (
      name,
      GGUFTensor(file: file, type: type, shape: shape, fileOffset: offset, byteCount: byteCount)
    )
  }

  /// Moves offsets to the start of the file; tensors must lie inside it, aligned and apart.
  private mutating func layOut(
    _ infos: [(name: JSONString, tensor: GGUFTensor)], headerEnd: UInt64, _ cursor: GGUFCursor
  ) throws(PackingError) {
    let alignment = try UInt64(integer("general.alignment", 1...65_536) ?? 32)
    let dataStart = (headerEnd + alignment - 1) / alignment * alignment
    var end: UInt64 = 0
    for info in infos.sorted(by: { $0.tensor.fileOffset < $1.tensor.fileOffset }) {
      var tensor = info.tensor
      let label = "tensor \(PackingError.printable(info.name.bytes))"
      guard tensor.fileOffset % alignment == 0, tensor.fileOffset >= end else {
        throw cursor.error("\(label) is not aligned, or overlaps another")
      }
      let (stop, overflow) = tensor.fileOffset.addingReportingOverflow(tensor.byteCount)
      guard !overflow, dataStart <= source.byteCount, stop <= source.byteCount - dataStart else {
        throw cursor.error("\(label) ends behind the file's end")
      }
      end = stop
      tensor.fileOffset += dataStart
      guard tensors.updateValue(tensor, forKey: info.name) == nil else {
        throw cursor.error("\(label) appears twice")
      }
    }
  }
}

// MARK: Metadata

extension GGUFFile {
  func error(_ message: String) -> PackingError { PackingError("\(source.name): \(message)") }

  func value(_ key: String) -> GGUFValue? { metadata[JSONString(key)] }

  /// A whole number in `range`; nil when missing.
  func integer(_ key: String, _ range: ClosedRange<Int>) throws(PackingError) -> Int? {
    guard let value = value(key) else { return nil }
    guard case .integer(let wide) = value, let number = Int(exactly: wide), range.contains(number)
    else {
      throw error("\(key) is not a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  /// A finite number; nil when missing.
  func number(_ key: String) throws(PackingError) -> Double? {
    switch value(key) {
    case nil: return nil
    case .integer(let value): return Double(value)
    case .number(let value) where value.isFinite: return value
    default: throw error("\(key) is not a number")
    }
  }

  func flag(_ key: String) throws(PackingError) -> Bool? {
    guard let value = value(key) else { return nil }
    guard case .flag(let flag) = value else { throw error("\(key) is not true or false") }
    return flag
  }

  /// A UTF-8 text; nil when missing.
  func string(_ key: String) throws(PackingError) -> String? {
    guard let value = value(key) else { return nil }
    guard case .string(let bytes) = value, let text = String(validating: bytes, as: UTF8.self)
    else { throw error("\(key) is not a UTF-8 string") }
    return text
  }

  /// The elements of a list; nil when missing.
  func list(_ key: String) throws(PackingError) -> [GGUFValue]? {
    guard let value = value(key) else { return nil }
    guard case .array(let elements) = value else { throw error("\(key) is not a list") }
    return elements
  }
}

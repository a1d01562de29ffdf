// Owns: the file of one finished layer beside the output: what it holds, whether it belongs to this
// job, its rows.
// Must not: decide when to write one.
// It is scratch of this program, not a part of the format; it is checked like any file all the
// same.

import CVialKernels
import VialFormat
import VialSystem

/// The integers of a layer's tensors on disk.
struct LayerFile: Sendable {
  /// A tensor of a layer.
  struct Shape: Sendable {
    let index: Int
    let rows: Int
    let columns: Int
    let format: TensorFormat
  }

  /// Where a tensor's numbers lie.
  struct Tensor: Sendable {
    let index: Int
    let rows: Int
    let columns: Int
    let format: TensorFormat
    let offset: Int

    var groupCount: Int { format.groupCount(columns: columns) }
    var rowByteCount: Int { format.encoding == .int8 ? columns : (columns + 1) / 2 }
    var scalesOffset: Int { offset + rows * rowByteCount }
    var zerosOffset: Int { scalesOffset + rows * groupCount * 2 }
    var end: Int { zerosOffset + rows * groupCount }
  }

  private static let magic = Array("VIALLAY1".utf8)

  let tensors: [Tensor]
  private let reader: FileReader
  let path: String

  /// Opens a layer of the job `key`; nil when there is none, or it is another job's or damaged.
  init?(path: String, key: Digest, layout: [Shape]) {
    guard let reader = try? FileReader(path: path) else { return nil }
    tensors = Self.layOut(layout)
    self.reader = reader
    self.path = path
    let count = Self.magic.count + 64 + (tensors.last?.end ?? 0)
    guard reader.byteCount == UInt64(count),
      let bytes = try? reader.readAll(limit: UInt64(count)),
      bytes.starts(with: Self.magic + key.bytes)
    else { return nil }
    let body = Array(bytes[..<(count - 32)])
    guard Self.digest(body).bytes == Array(bytes[(count - 32)...]) else { return nil }
  }

  private static func digest(_ bytes: [UInt8]) -> Digest {
    var hash = SHA256()
    hash.update(bytes.span.bytes)
    return hash.finalize()
  }

  private static func layOut(_ layout: [Shape]) -> [Tensor] {
    var tensors: [Tensor] = []
    for part in layout {
      tensors.append(
        Tensor(
          index: part.index, rows: part.rows, columns: part.columns, format: part.format,
          offset: tensors.last?.end ?? 0))
    }
    return tensors
  }

  /// Writes a finished layer; it appears whole or not at all.
  static func write(_ parts: [RoundedLinear], path: String, key: Digest) throws(PackingError) {
    let bytes = encoded(parts, key: key)
    do {
      let file = try AtomicFile(path: path)
      try write(bytes, to: file)
      try file.commit()
    } catch { throw PackingError("\(error)") }
  }

  private static func write(_ bytes: [UInt8], to file: AtomicFile) throws(SystemError) {
    var failure: SystemError?
    bytes.withUnsafeBytes { buffer in
      do throws(SystemError) { try file.write(buffer, at: 0) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  private static func encoded(_ parts: [RoundedLinear], key: Digest) -> [UInt8] {
    let tensors = layOut(parts.map(\.shape))
    let start = magic.count + 32
    var bytes = magic + key.bytes
    bytes.append(contentsOf: repeatElement(0, count: tensors.last?.end ?? 0))
    for index in parts.indices { parts[index].store(tensors[index], into: &bytes, start: start) }
    bytes.append(contentsOf: digest(bytes).bytes)
    return bytes
  }

  /// The weights of a tensor, or nil when the layer has none of that index.
  func matrix(_ index: Int, _ layer: LayerTensors) throws(PackingError) -> DenseMatrix? {
    guard let tensor = tensors.first(where: { $0.index == index }) else { return nil }
    return try layer.matrix(
      rows: tensor.rows, columns: tensor.columns, of: CalibratedRows(file: self, tensor: tensor))
  }

  /// Bytes of the file from `offset` of the tensors' part.
  func bytes(at offset: Int, count: Int) throws(PackingError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var failure: SystemError?
    bytes.withUnsafeMutableBytes { buffer in
      do throws(SystemError) {
        try reader.read(into: buffer, at: UInt64(Self.magic.count + 32 + offset))
      } catch { failure = error }
    }
    if let failure { throw PackingError("\(failure)") }
    return bytes
  }
}

extension RoundedLinear {
  /// What a layer's file says about it.
  fileprivate var shape: LayerFile.Shape {
    LayerFile.Shape(index: index, rows: rows, columns: columns, format: format)
  }

  /// Writes rows of integers (two nibbles a byte for int4), then f16 scales and zero points, row by
  /// row.
  fileprivate func store(_ tensor: LayerFile.Tensor, into bytes: inout [UInt8], start: Int) {
    for row in 0..<rows {
      let begin = start + tensor.offset + row * tensor.rowByteCount
      for column in 0..<columns {
        let q = integers[column * paddedRows + row]
        if isSigned {
          bytes[begin + column] = q
        } else {
          bytes[begin + column / 2] |= column % 2 == 0 ? q : q << 4
        }
      }
      for group in 0..<groupCount {
        let bits = vial_f32_to_f16(scales[group][row])
        let element = start + tensor.scalesOffset + (row * groupCount + group) * 2
        bytes[element] = UInt8(truncatingIfNeeded: bits)
        bytes[element + 1] = UInt8(truncatingIfNeeded: bits >> 8)
        bytes[start + tensor.zerosOffset + row * groupCount + group] = UInt8(zeros[group][row])
      }
    }
  }
}

/// Rows of a tensor whose integers were chosen by calibration.
struct CalibratedRows: TensorRows {
  let file: LayerFile
  let tensor: LayerFile.Tensor

  /// The decoded rows.
  func read(
    rows: Range<Int>, into values: UnsafeMutableBufferPointer<Float>,
    scratch: UnsafeMutableRawBufferPointer
  ) throws(PackingError) {
    let parts = TileScratch(columnCount: tensor.columns, groupCount: tensor.groupCount)
    for first in stride(from: rows.lowerBound, to: rows.upperBound, by: TileEncoder.tileRowCount) {
      let range = first..<min(first + TileEncoder.tileRowCount, rows.upperBound)
      _ = try readQuantized(
        rows: range, columnCount: tensor.columns, groupCount: tensor.groupCount,
        encoding: tensor.format.encoding, into: parts)
      decode(parts, rows: range.count, into: values, at: (first - rows.lowerBound) * tensor.columns)
    }
  }

  private func decode(
    _ parts: TileScratch, rows: Int, into values: UnsafeMutableBufferPointer<Float>, at start: Int
  ) {
    let bytes = parts.elements.assumingMemoryBound(to: UInt8.self)
    let isSigned = tensor.format.encoding == .int8
    for row in 0..<rows {
      for column in 0..<tensor.columns {
        let element = row * tensor.columns + column
        let group = row * tensor.groupCount + column / tensor.format.group
        let q: Float
        if let codebook = tensor.format.codebook {
          q = Float(codebook[Int(bytes[element])])
        } else if isSigned {
          q = Float(Int8(bitPattern: bytes[element]))
        } else {
          q = Float(bytes[element]) - Float(parts.zeros[group])
        }
        values[start + element] = vial_f16_to_f32(parts.scales[group]) * q
      }
    }
  }

  func readQuantized(
    rows: Range<Int>, columnCount: Int, groupCount: Int, encoding: TensorEncoding,
    into scratch: TileScratch
  ) throws(PackingError) -> Bool {
    let width = tensor.rowByteCount
    let packed = try file.bytes(
      at: tensor.offset + rows.lowerBound * width, count: rows.count * width)
    let scales = try file.bytes(
      at: tensor.scalesOffset + rows.lowerBound * groupCount * 2, count: rows.count * groupCount * 2
    )
    let zeros = try file.bytes(
      at: tensor.zerosOffset + rows.lowerBound * groupCount, count: rows.count * groupCount)
    let q = scratch.elements.assumingMemoryBound(to: UInt8.self)
    for row in 0..<rows.count {
      for column in 0..<columnCount {
        q[row * columnCount + column] =
          encoding == .int8
          ? packed[row * width + column]
          : packed[row * width + column / 2] >> (column % 2 == 0 ? 0 : 4) & 15
      }
    }
    for index in 0..<rows.count * groupCount {
      scratch.scales[index] = UInt16(scales[2 * index]) | UInt16(scales[2 * index + 1]) << 8
      if encoding == .int4 { scratch.zeros[index] = zeros[index] }
    }
    return true
  }
}

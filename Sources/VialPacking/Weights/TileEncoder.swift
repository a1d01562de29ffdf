// Owns: the turning of rows of floats into tiles: sixteen rows at a time, quantised to nearest
// where the encoding asks.
// Must not: know where rows come from or where tiles go.
// Source: Spec/FORMAT.md, "Tile layouts", through the kernels' packers.

import CVialKernels
import VialFormat

/// Encodes the tiles of one tensor. Threads share it, each with a scratch of its own.
struct TileEncoder: @unchecked Sendable {
  /// Rows of a tile.
  static let tileRowCount = 16

  /// Rows, columns, group and encoding; `bytes` is not used.
  let shape: vial_tensor
  private let name: String
  private let kernels: vial_kernels
  /// Encoding, group, zero points and codebook as the tensor table has them.
  let format: TensorFormat

  /// An encoder for a tensor of `rowCount` × `columnCount` called `name`, or an error when the
  /// shape is outside what the format can hold.
  init(
    name: String, rowCount: Int, columnCount: Int, format: TensorFormat
  ) throws(PackingError) {
    guard let rows = UInt32(exactly: rowCount), let columns = UInt32(exactly: columnCount) else {
      throw PackingError("tensor \(name) is too large")
    }
    var shape = vial_tensor()
    shape.rows = rows
    shape.columns = columns
    shape.group = UInt32(format.group)
    shape.encoding = UInt8(format.encoding.kernelEncoding.rawValue)
    shape.asymmetric = format.isAsymmetric ? 1 : 0
    if let codebook = format.codebook {
      shape.codebook = 1
      withUnsafeMutableBytes(of: &shape.entries) { entries in
        for index in 0..<Codebook.entryCount { entries[index] = UInt8(bitPattern: codebook[index]) }
      }
    }
    guard vial_tensor_is_valid(&shape), let kernels = vial_kernels_find(nil) else {
      throw PackingError("tensor \(name) has a shape that cannot be stored")
    }
    self.shape = shape
    self.name = name
    self.format = format
    self.kernels = kernels.pointee
  }

  private var encoding: TensorEncoding { format.encoding }
  private var codebook: Codebook? { format.codebook }

  /// Tiles of the tensor.
  var tileCount: Int {
    var view = shape
    return Int(vial_tensor_tile_count(&view))
  }

  /// Bytes of one tile; all tiles of a tensor are equally long.
  var tileByteCount: Int {
    var view = shape
    return Int(vial_tensor_tile_byte_count(&view))
  }

  /// Rows of the tensor.
  var rowCount: Int { Int(shape.rows) }

  /// Elements in a row.
  var columnCount: Int { Int(shape.columns) }

  /// Scales in a row.
  var groupCount: Int {
    var view = shape
    return Int(vial_tensor_group_count(&view))
  }

  /// Encodes tile `tile` of `rows` into `out`, which has room for one tile.
  func encode(
    tile: Int, of rows: any TensorRows, scratch: TileScratch, into out: UnsafeMutablePointer<UInt8>
  ) throws(PackingError) {
    let first = tile * Self.tileRowCount
    let range = first..<min(first + Self.tileRowCount, rowCount)
    if encoding.isQuantized,
      try rows.readQuantized(
        rows: range, columnCount: Int(shape.columns), groupCount: groupCount, encoding: encoding,
        into: scratch)
    {
      return packQuantized(tile: UInt32(tile), scratch, into: out)
    }
    let values = UnsafeMutableBufferPointer(
      start: scratch.values, count: range.count * Int(shape.columns))
    try rows.read(rows: range, into: values, scratch: scratch.source)
    switch pack(tile: UInt32(tile), rowCount: range.count, scratch, into: out) {
    case VIAL_KERNEL_OK: return
    case VIAL_KERNEL_SCALE_OVERFLOW:
      throw PackingError("tensor \(name) has values too large for an f16 scale")
    default:
      throw PackingError(
        "tensor \(name) has values too large for \(encoding.name) in rows \(range.lowerBound)"
          + " to \(range.upperBound - 1)")
    }
  }

  private func pack(
    tile: UInt32, rowCount: Int, _ scratch: TileScratch, into out: UnsafeMutablePointer<UInt8>
  ) -> vial_kernel_status {
    switch encoding {
    case .f32, .f16, .bf16: return packFloats(tile: tile, rowCount: rowCount, scratch, into: out)
    case .int8: return packInt8(tile: tile, rowCount: rowCount, scratch, into: out)
    case .int4: return packInt4(tile: tile, rowCount: rowCount, scratch, into: out)
    }
  }

  private func packFloats(
    tile: UInt32, rowCount: Int, _ scratch: TileScratch, into out: UnsafeMutablePointer<UInt8>
  ) -> vial_kernel_status {
    var view = shape
    let columns = Int(shape.columns)
    let status = vial_narrow(
      encoding.kernelEncoding, scratch.values, rowCount * columns, scratch.elements)
    guard status == VIAL_KERNEL_OK else { return status }
    vial_pack_float_tile(&view, tile, scratch.elements, columns, out)
    return status
  }

  private func packInt8(
    tile: UInt32, rowCount: Int, _ scratch: TileScratch, into out: UnsafeMutablePointer<UInt8>
  ) -> vial_kernel_status {
    let columns = Int(shape.columns)
    let q = scratch.elements.assumingMemoryBound(to: Int8.self)
    for row in 0..<rowCount {
      let status = kernels.quantize_int8_row(
        scratch.values + row * columns, shape.columns, shape.group, q + row * columns,
        scratch.scales + row * groupCount)
      guard status == VIAL_KERNEL_OK else { return status }
    }
    packQuantized(tile: tile, scratch, into: out)
    return VIAL_KERNEL_OK
  }

  private func packInt4(
    tile: UInt32, rowCount: Int, _ scratch: TileScratch, into out: UnsafeMutablePointer<UInt8>
  ) -> vial_kernel_status {
    let columns = Int(shape.columns)
    let q = scratch.elements.assumingMemoryBound(to: UInt8.self)
    let zeros = shape.asymmetric != 0 ? scratch.zeros : nil
    let entries = codebook?.entries ?? []
    for row in 0..<rowCount {
      let (values, integers) = (scratch.values + row * columns, q + row * columns)
      let scales = scratch.scales + row * groupCount
      let status =
        entries.isEmpty
        ? kernels.quantize_int4_row(
          values, shape.columns, shape.group, integers, scales, zeros.map { $0 + row * groupCount })
        : kernels.quantize_codebook_row(
          values, shape.columns, shape.group, entries, integers, scales)
      guard status == VIAL_KERNEL_OK else { return status }
    }
    packQuantized(tile: tile, scratch, into: out)
    return VIAL_KERNEL_OK
  }

  /// Packs the integers and scales that the scratch holds.
  private func packQuantized(
    tile: UInt32, _ scratch: TileScratch, into out: UnsafeMutablePointer<UInt8>
  ) {
    var view = shape
    let columns = Int(shape.columns)
    if encoding == .int4 {
      let q = scratch.elements.assumingMemoryBound(to: UInt8.self)
      let zeros = shape.asymmetric != 0 ? scratch.zeros : nil
      vial_pack_int4_tile(&view, tile, q, columns, scratch.scales, zeros, groupCount, out)
    } else {
      let q = scratch.elements.assumingMemoryBound(to: Int8.self)
      vial_pack_int8_tile(&view, tile, q, columns, scratch.scales, groupCount, out)
    }
  }
}

// What a packed tensor says, decoded by the kernels.

import CVialKernels
import Testing
import VialFormat

/// Decodes a packed tensor with the kernels.
func decoded(_ tensor: TensorDescriptor) -> [Float] {
  let columns = tensor.shape.columnCount
  return tensor.region.copied().withUnsafeBufferPointer { bytes in
    if tensor.shape.rank == 1 {
      return UnsafeRawBufferPointer(bytes).withMemoryRebound(to: Float.self) { Array($0) }
    }
    var view = vial_tensor()
    view.bytes = bytes.baseAddress
    view.rows = UInt32(tensor.shape.rowCount)
    view.columns = UInt32(columns)
    view.group = UInt32(tensor.format.group)
    view.encoding = UInt8(tensor.encoding.rawValue)
    view.asymmetric = tensor.format.isAsymmetric ? 1 : 0
    if let codebook = tensor.format.codebook {
      view.codebook = 1
      withUnsafeMutableBytes(of: &view.entries) {
        $0.copyBytes(from: codebook.entries.map { UInt8(bitPattern: $0) })
      }
    }
    var offset: UInt64 = 0
    #expect(vial_tensor_check(&view, 0, vial_tensor_tile_count(&view), &offset) == VIAL_KERNEL_OK)
    guard let kernels = vial_kernels_find("reference") else { return [] }
    var values = [Float](repeating: 0, count: tensor.shape.elementCount)
    values.withUnsafeMutableBufferPointer { buffer in
      for row in 0..<tensor.shape.rowCount {
        kernels.pointee.decode_row(&view, UInt32(row), buffer.baseAddress! + row * columns)
      }
    }
    return values
  }
}

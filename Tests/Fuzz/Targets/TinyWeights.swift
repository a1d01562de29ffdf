// Stored bytes of small tensors with canonical padding, written from Spec/FORMAT.md, "Tile layouts".
import VialFormat

enum TinyWeights {
  /// A tensor of rank 1 or 2.
  static func bytes(_ format: TensorFormat, _ shape: [Int], seed: Int) -> [UInt8] {
    if shape.count == 1 {
      return (0..<shape[0]).flatMap { FileSeal.littleEndian(Float(1 + $0 % 3).bitPattern) }
    }
    var result: [UInt8] = []
    for tile in stride(from: 0, to: shape[0], by: 16) {
      let rows = min(16, shape[0] - tile)
      for record in 0..<format.recordCount(columns: shape[1]) {
        let columns = min(format.group, shape[1] - record * format.group)
        result += self.record(format, rows: rows, columns: columns, seed: seed + tile + record)
      }
    }
    return result
  }

  private static func record(
    _ format: TensorFormat, rows: Int, columns: Int, seed: Int
  ) -> [UInt8] {
    switch format.encoding {
    case .f32:
      return (0..<16).flatMap {
        FileSeal.littleEndian($0 < rows ? (Float(($0 + seed) % 5) * 0.125).bitPattern : 0)
      }
    case .f16: return halves(rows, 0x3000)
    case .bf16: return halves(rows, 0x3E00)
    case .int8:
      var bytes = [UInt8](repeating: 0, count: 16 * format.group)
      for row in 0..<rows {
        for column in 0..<columns {
          let value = Int8(truncatingIfNeeded: (row * 7 + column * 5 + seed) % 11 - 5)
          bytes[column / 4 * 64 + row * 4 + column % 4] = UInt8(bitPattern: value)
        }
      }
      return bytes + halves(rows, 0x2400)
    case .int4: return int4(format, rows: rows, columns: columns, seed: seed)
    }
  }

  private static func int4(
    _ format: TensorFormat, rows: Int, columns: Int, seed: Int
  ) -> [UInt8] {
    let zeros = (0..<16).map { row in
      format.isAsymmetric && row < rows ? UInt8((row + seed) % 16) : 8
    }
    var bytes = [UInt8](repeating: 0, count: 8 * format.group)
    for row in 0..<16 {
      for column in 0..<format.group {
        let isInside = row < rows && column < columns
        let value = isInside ? UInt8((row * 3 + column * 5 + seed) % 16) : zeros[row]
        bytes[column / 8 * 64 + row * 4 + column % 4] |= column % 8 < 4 ? value : value << 4
      }
    }
    return bytes + halves(rows, 0x2400) + (format.isAsymmetric ? zeros : [])
  }

  /// Sixteen 16-bit numbers, zero for rows that do not exist.
  private static func halves(_ rows: Int, _ bits: UInt16) -> [UInt8] {
    (0..<16).flatMap { FileSeal.littleEndian($0 < rows ? bits + UInt16($0) : 0) }
  }
}

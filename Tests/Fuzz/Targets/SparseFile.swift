// A `.vial` file with its long stretches of zeros left out, so that a fuzzer's input is small and
// most of its bytes mean something.
// Must not: refuse anything; every input gives some file.
import VialFormat

/// Bytes 0 … 4: which digests are made right, and the file's length; then stretches of bytes: u32
/// offset, u16 length, the bytes. Everything else is zero.
public enum SparseFile {
  /// Longest file that an input can ask for.
  static let maximumByteCount = 1 << 20
  /// Zeros that a stretch may hold before it is worth a new one.
  private static let zeroRun = 12

  /// The file that `input` stands for.
  public static func unfold(_ input: [UInt8]) -> [UInt8] {
    var reader = InputReader(input)
    let parts = SealedParts(rawValue: reader.byte())
    let length = min(Int(reader.word()), maximumByteCount)
    var bytes = [UInt8](repeating: 0, count: length)
    while !reader.isAtEnd {
      let offset = Int(reader.word())
      let stretch = reader.bytes(Int(reader.half()))
      for (index, byte) in stretch.enumerated() where offset + index < length {
        bytes[offset + index] = byte
      }
    }
    FileSeal.seal(&bytes, parts)
    return bytes
  }

  /// An input that stands for `file`.
  public static func fold(_ file: [UInt8], _ parts: SealedParts) -> [UInt8] {
    var result = [parts.rawValue] + FileSeal.littleEndian(UInt32(file.count))
    var position = 0
    while let start = file[position...].firstIndex(where: { $0 != 0 }) {
      var end = start
      var zeros = 0
      while end < file.count, zeros < zeroRun, end - start < 0xFFFF {
        zeros = file[end] == 0 ? zeros + 1 : 0
        end += 1
      }
      result += FileSeal.littleEndian(UInt32(start))
      result += FileSeal.littleEndian(UInt16(end - start)) + file[start..<end]
      position = end
    }
    return result
  }
}

/// Fields from the front of a fuzzer's input; zeros behind its end.
struct InputReader {
  private let input: [UInt8]
  private var position = 0

  init(_ input: [UInt8]) { self.input = input }

  var isAtEnd: Bool { position >= input.count }

  mutating func byte() -> UInt8 {
    defer { position += 1 }
    return position < input.count ? input[position] : 0
  }

  mutating func half() -> UInt16 { UInt16(byte()) | UInt16(byte()) << 8 }

  mutating func word() -> UInt32 { UInt32(half()) | UInt32(half()) << 16 }

  /// Up to `count` bytes.
  mutating func bytes(_ count: Int) -> ArraySlice<UInt8> {
    let start = min(position, input.count)
    let end = min(start + count, input.count)
    position = end
    return input[start..<end]
  }

  /// Everything that is left.
  mutating func rest() -> [UInt8] { Array(bytes(input.count)) }
}

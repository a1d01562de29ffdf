// Owns: a text file line by line, in memory that does not grow with the file.
// Must not: interpret lines.

import VialSystem

/// Lines of a file, without their line ends.
struct LineFile {
  /// Longest line; a longer one is reported as nil.
  static let lineByteLimit = 128 << 20
  private static let pieceByteCount = 1 << 20
  private let file: FileReader
  let path: String

  init(path: String) throws {
    file = try FileReader(path: path)
    self.path = path
  }

  /// Hands every line that has an end, and the last one without, to `body` in order.
  /// - Parameter body: gets the line's bytes (nil: too long), whether it has an end, and how many
  ///   bytes of the file come up to its end; it returns whether to go on.
  func forEachLine(
    _ body: (_ line: [UInt8]?, _ hasEnd: Bool, _ end: UInt64) throws -> Bool
  ) throws {
    var line: [UInt8] = []
    var isTooLong = false
    var offset: UInt64 = 0
    while offset < file.byteCount {
      let piece = try read(at: offset)
      var start = 0
      while let end = piece[start...].firstIndex(of: 0x0A) {
        line += piece[start..<end]
        let goesOn = try body(
          isTooLong || line.count > Self.lineByteLimit ? nil : line, true,
          offset + UInt64(end) + 1)
        guard goesOn else { return }
        line.removeAll(keepingCapacity: true)
        isTooLong = false
        start = end + 1
      }
      line += piece[start...]
      if line.count > Self.lineByteLimit {
        isTooLong = true
        line.removeAll()
      }
      offset += UInt64(piece.count)
    }
    guard isTooLong || !line.isEmpty else { return }
    _ = try body(isTooLong ? nil : line, false, offset)
  }

  private func read(at offset: UInt64) throws -> [UInt8] {
    let count = Int(min(UInt64(Self.pieceByteCount), file.byteCount - offset))
    var piece = [UInt8](repeating: 0, count: count)
    var failure: SystemError?
    piece.withUnsafeMutableBytes { buffer in
      do throws(SystemError) { try file.read(into: buffer, at: offset) } catch { failure = error }
    }
    if let failure { throw failure }
    return piece
  }
}

extension [UInt8] {
  /// Whether there is nothing but spaces.
  var isBlank: Bool { allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D } }
}

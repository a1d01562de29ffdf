// Owns: a file of a checkpoint, open for reading at any offset from any thread; error texts with
// the file's own name.
// Must not: show the folder that it lies in.

import VialSystem

/// An open file of a checkpoint.
struct SourceFile: Sendable {
  /// Name without folders.
  let name: String
  private let reader: FileReader

  /// Opens the file at `path`, called `name` in messages.
  init(path: String, name: String) throws(PackingError) {
    self.name = name
    do {
      reader = try FileReader(path: path)
    } catch {
      throw PackingError("\(PackingError.printable(name)): \(error)")
    }
  }

  /// Length in bytes when the file was opened.
  var byteCount: UInt64 { reader.byteCount }

  /// Fills `buffer` from `offset`; a file that ends before is an error.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(PackingError) {
    do {
      try reader.read(into: buffer, at: offset)
    } catch {
      throw PackingError("\(name): \(error)")
    }
  }

  /// The `count` bytes from `offset`. Only for what was checked to be inside the file and inside a
  /// limit.
  func bytes(at offset: UInt64, count: Int) throws(PackingError) -> [UInt8] {
    var failure: PackingError?
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initializedCount in
      do throws(PackingError) {
        try read(
          into: UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: count), at: offset)
        initializedCount = count
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return bytes
  }
}

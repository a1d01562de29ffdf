// Owns: reading ranges of a file without a shared position.
// Must not: buffer or interpret.

internal import CVialSystem

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// A regular file opened for reading at offsets; threads may share it.
package final class FileReader: Sendable {
  let descriptor: Int32
  private let path: String
  /// Length in bytes when it was opened.
  package let byteCount: UInt64

  /// Opens a regular file.
  package init(path: String) throws(SystemError) {
    // Without O_NONBLOCK, opening a named pipe would wait for a writer.
    let descriptor = vial_open(path, O_RDONLY | O_NONBLOCK, 0)
    guard descriptor >= 0 else { throw SystemError.last("open", path: path) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      let error = SystemError.last("open", path: path)
      close(descriptor)
      throw error
    }
    guard status.st_mode & S_IFMT == S_IFREG, status.st_size >= 0 else {
      close(descriptor)
      throw status.st_mode & S_IFMT == S_IFDIR
        ? SystemError("open", path: path, code: EISDIR)
        : SystemError("open", path: path, reason: "not a regular file")
    }
    self.descriptor = descriptor
    self.path = path
    self.byteCount = UInt64(status.st_size)
  }

  deinit { close(descriptor) }

  /// Fills `buffer` from `offset`; a file that ends before that is an error.
  package func read(
    into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
  ) throws(SystemError) {
    var done = 0
    while done < buffer.count {
      guard let address = buffer.baseAddress,
        let position = off_t(exactly: offset &+ UInt64(done)), position >= 0
      else { throw SystemError("read", path: path, code: EINVAL) }
      let count = pread(descriptor, address + done, buffer.count - done, position)
      if count > 0 {
        done += count
      } else if count == 0 {
        throw SystemError("read", path: path, reason: "the file is shorter than it was")
      } else if vial_errno() != EINTR {
        throw SystemError.last("read", path: path)
      }
    }
  }

  /// The whole file as bytes.
  /// - Parameter limit: the most bytes that are acceptable.
  package func readAll(limit: UInt64) throws(SystemError) -> [UInt8] {
    guard byteCount <= limit else {
      throw SystemError("read", path: path, reason: "the file is larger than it may be")
    }
    var bytes = [UInt8](repeating: 0, count: Int(byteCount))
    var failure: SystemError?
    bytes.withUnsafeMutableBytes { buffer in
      do throws(SystemError) { try read(into: buffer, at: 0) } catch { failure = error }
    }
    if let failure { throw failure }
    return bytes
  }
}

// Owns: structs that cross the border: their size, alignment and the bytes that only a newer header
// knows.
// Must not: read past struct_size, or write past it.

import CVial

/// Checks and copies of structs that begin with `struct_size`.
enum Structures {
  /// More than any struct will ever have: a larger struct_size is a mistake.
  private static let largest = 4096

  /// An options struct, or `defaults` when there is none.
  ///
  /// A longer one, of a newer header, is accepted when the bytes that this library does not know
  /// are 0. A shorter one, of an older header, is when it has at least the `firstSize` bytes of the
  /// first header of this ABI that had the struct; the rest are defaults. Structs of header 0.1 are
  /// all shorter than that.
  static func options<Options: BitwiseCopyable>(
    _ pointer: UnsafePointer<Options>?, defaults: Options,
    firstSize: Int = MemoryLayout<Options>.size
  ) throws(Failure) -> Options {
    guard let pointer else { return defaults }
    let size = try byteCount(UnsafeRawPointer(pointer), of: Options.self, least: firstSize)
    let bytes = UnsafeRawBufferPointer(start: pointer, count: size)
    for index in bytes.indices.dropFirst(MemoryLayout<Options>.size) where bytes[index] != 0 {
      throw Failure(VIAL_STATUS_INVALID_STRUCT_SIZE)
    }
    var options = defaults
    withUnsafeMutableBytes(of: &options) {
      $0.copyMemory(from: .init(rebasing: bytes.prefix($0.count)))
    }
    return options
  }

  /// Whether an output struct can take what this library writes, or as much of it as the struct had
  /// when it appeared.
  static func checkOutput<Output>(
    _ pointer: UnsafeMutablePointer<Output>, firstSize: Int = MemoryLayout<Output>.size
  ) throws(Failure) {
    _ = try byteCount(UnsafeRawPointer(pointer), of: Output.self, least: firstSize)
  }

  /// Fills an output struct that was checked, as far as it reaches; what a newer header added
  /// becomes 0.
  static func write<Output>(_ value: Output, to pointer: UnsafeMutablePointer<Output>) {
    let bytes = UnsafeMutableRawPointer(pointer)
    let size = bytes.load(as: UInt32.self)
    let buffer = UnsafeMutableRawBufferPointer(start: bytes, count: Int(size))
    withUnsafeBytes(of: value) { value in
      buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: value.prefix(buffer.count)))
    }
    bytes.storeBytes(of: size, as: UInt32.self)
    for index in buffer.indices.dropFirst(MemoryLayout<Output>.size) { buffer[index] = 0 }
  }

  /// Sets a caller's struct of `size` bytes to `defaults`, `struct_size` included; what a newer
  /// header added is 0.
  static func initialize<Structure: BitwiseCopyable>(
    _ pointer: UnsafeMutablePointer<Structure>?, size: UInt32, defaults: Structure,
    firstSize: Int = MemoryLayout<Structure>.size
  ) throws(Failure) {
    guard let pointer, UInt(bitPattern: pointer) % UInt(MemoryLayout<Structure>.alignment) == 0
    else { throw Failure(VIAL_STATUS_INVALID_ARGUMENT) }
    guard Int(size) >= firstSize, Int(size) <= largest else {
      throw Failure(VIAL_STATUS_INVALID_STRUCT_SIZE)
    }
    UnsafeMutableRawPointer(pointer).storeBytes(of: size, as: UInt32.self)
    write(defaults, to: pointer)
  }

  private static func byteCount<Structure>(
    _ pointer: UnsafeRawPointer, of type: Structure.Type,
    least: Int = MemoryLayout<Structure>.size
  ) throws(Failure) -> Int {
    guard UInt(bitPattern: pointer) % UInt(MemoryLayout<Structure>.alignment) == 0 else {
      throw Failure(VIAL_STATUS_INVALID_ARGUMENT)
    }
    let size = Int(pointer.load(as: UInt32.self))
    guard size >= least, size <= largest else {
      throw Failure(VIAL_STATUS_INVALID_STRUCT_SIZE)
    }
    return size
  }
}

// Owns: how the errors of the floors below become statuses, numbers and messages of the header.
// Must not: let a path, or text of a prompt, an answer or a file, into a message.

import CVial
import Vial
import VialEngine
import VialFormat
import VialSystem
import VialText

/// What became of a call: a status with its details.
struct Failure: Error {
  let status: vial_status
  var rule: UInt32 = 0
  var systemCode: Int32 = 0
  var byteOffset: UInt64 = 0
  /// nil: the status's own message.
  var message: String?

  /// A bare status of the header.
  init(_ status: Int, message: String? = nil) {
    self.status = vial_status(status)
    self.message = message
  }

  /// The status that says what an error says.
  init(_ error: VialError) {
    switch error {
    case .system(let error):
      self.init(error.isOutOfMemory ? VIAL_STATUS_OUT_OF_MEMORY : VIAL_STATUS_SYSTEM)
      systemCode = error.code
      message = error.withoutPath.description
    case .format(let error): self.init(error)
    case .text(let error): self.init(error)
    case .computation(let error): self.init(error)
    case .promptTooLong:
      self.init(VIAL_STATUS_TOO_LONG, message: error.description)
    case .emptyPrompt:
      self.init(VIAL_STATUS_INVALID_ARGUMENT, message: error.description)
    case .noChatTemplate, .unknownAdapter:
      self.init(VIAL_STATUS_NOT_IN_FILE, message: error.description)
    case .grammar(let error):
      self.init(VIAL_STATUS_SCHEMA, message: error.description)
      if case .notJSON(let offset, _) = error { byteOffset = UInt64(clamping: offset) }
    case .template(let error):
      if case .textTooLong = error {
        self.init(VIAL_STATUS_TOO_LONG, message: error.description)
      } else {
        self.init(VIAL_STATUS_TEMPLATE, message: error.description)
      }
    case .invalidOption(let message), .incomparable(let message):
      self.init(VIAL_STATUS_INVALID_ARGUMENT, message: message.description)
    case .busy: self.init(VIAL_STATUS_BUSY)
    case .closed: self.init(VIAL_STATUS_CLOSED)
    case .cancelled: self.init(VIAL_STATUS_CANCELLED)
    case .untrusted(let message):
      self.init(VIAL_STATUS_UNTRUSTED, message: message.description)
    case .outOfMemory: self.init(VIAL_STATUS_OUT_OF_MEMORY)
    }
  }

  private init(_ error: FormatError) {
    if error.isOutOfMemory {
      self.init(VIAL_STATUS_OUT_OF_MEMORY)
      return
    }
    self.init(VIAL_STATUS_FORMAT, message: error.description)
    rule = UInt32(clamping: error.rule)
    byteOffset = error.offset
  }

  init(_ error: TextError) {
    switch error {
    case .invalidUTF8(let offset):
      self.init(VIAL_STATUS_INVALID_UTF8, message: error.description)
      byteOffset = UInt64(clamping: offset)
    case .invalidJSON(let offset), .repeatedKey(let offset), .nestedTooDeep(let offset),
      .numberOutOfRange(let offset):
      self.init(VIAL_STATUS_INVALID_ARGUMENT, message: error.description)
      byteOffset = UInt64(clamping: offset)
    case .invalidFields: self.init(VIAL_STATUS_INVALID_ARGUMENT, message: error.description)
    case .textTooLong, .normalizedTextTooLong, .tooManyValues:
      self.init(VIAL_STATUS_TOO_LONG, message: error.description)
    case .tokenizerLimit: self.init(VIAL_STATUS_FORMAT, message: error.description)
    case .templateRefused, .templateUnsupported, .templateLimit, .templateType:
      self.init(VIAL_STATUS_TEMPLATE, message: error.description)
    case .outOfMemory: self.init(VIAL_STATUS_OUT_OF_MEMORY)
    }
  }

  init(_ error: RunnerError) {
    switch error {
    case .outOfMemory, .cacheFull: self.init(VIAL_STATUS_OUT_OF_MEMORY)
    case .numericError, .noCandidate: self.init(VIAL_STATUS_NUMERIC)
    case .unknownToken: self.init(VIAL_STATUS_UNKNOWN_TOKEN)
    case .damagedWeights(let error): self.init(error)
    }
  }
}

extension Failure {
  /// Runs `body`; its error becomes a failure.
  static func mapped<Result: ~Copyable>(
    _ body: () throws(VialError) -> Result
  ) throws(Failure) -> Result {
    do throws(VialError) { return try body() } catch { throw Failure(error) }
  }
}

/// Runs the body of an export: a failure becomes its status and, when the caller wants them,
/// details.
/// - Parameters:
///   - reserve: bytes that are held for what the body allocates without asking; 0 for a body that
///     must run when memory is short, too, and takes no more than `VIAL_RESERVE_SPARE_BYTES`.
///   - readsText: whether the body works on a text or its ids, of which the stack then holds parts;
///     registers are cleared in any case.
func status(
  _ output: UnsafeMutablePointer<vial_error>? = nil, reserve: Int = MemoryReserve.call,
  readsText: Bool = false, _ body: () throws(Failure) -> Void
) -> vial_status {
  status(output, reserve: reserve, readsText: readsText) {
    (_: HostFloatingPoint) throws(Failure) in try body()
  }
}

/// The same for a body that calls the host back: it gets the host's floating-point state.
func status(
  _ output: UnsafeMutablePointer<vial_error>? = nil, reserve: Int = MemoryReserve.call,
  readsText: Bool = false, _ body: (HostFloatingPoint) throws(Failure) -> Void
) -> vial_status {
  defer { Traces.wipe(stackByteCount: readsText ? Traces.textStackByteCount : 0) }
  let host = HostFloatingPoint.setAside()
  defer { host.restore() }
  if let output {
    do throws(Failure) {
      try Structures.checkOutput(output)
    } catch { return error.status }
  }
  var failure = Failure(VIAL_STATUS_OK)
  do throws(Failure) {
    guard reserve == 0 || MemoryReserve.hold(reserve) else {
      throw Failure(VIAL_STATUS_OUT_OF_MEMORY)
    }
    defer { MemoryReserve.release(reserve) }
    try body(host)
  } catch { failure = error }
  if let output { Structures.write(vial_error(failure), to: output) }
  return failure.status
}

/// Runs the body of an export that fills a buffer of the caller's. The body gets the buffer and
/// returns how many elements all of it takes; when it fails, that count is 0.
func status<Element>(
  filling pointer: UnsafeMutablePointer<Element>?, _ capacity: UInt64,
  _ needed: UnsafeMutablePointer<UInt64>?, _ details: UnsafeMutablePointer<vial_error>? = nil,
  readsText: Bool = false,
  _ body: (UnsafeMutableBufferPointer<Element>) throws(Failure) -> Int
) -> vial_status {
  status(details, readsText: readsText) { () throws(Failure) in
    let needed = try CArguments.destination(needed)
    needed.pointee = 0
    let count = try body(try CArguments.buffer(pointer, capacity))
    needed.pointee = UInt64(count)
    guard UInt64(count) <= capacity else { throw Failure(VIAL_STATUS_BUFFER_TOO_SMALL) }
  }
}

/// Runs the body of an export that fills one struct of the caller's.
func status<Output>(
  reporting pointer: UnsafeMutablePointer<Output>?,
  _ details: UnsafeMutablePointer<vial_error>? = nil, _ body: () throws(Failure) -> Output
) -> vial_status {
  status(details) { () throws(Failure) in
    let output = try body()
    guard let pointer else { throw Failure(VIAL_STATUS_INVALID_ARGUMENT) }
    try Structures.checkOutput(pointer)
    Structures.write(output, to: pointer)
  }
}

extension vial_error {
  fileprivate init(_ failure: Failure) {
    self.init()
    status = failure.status
    rule = failure.rule
    system_code = failure.systemCode
    byte_offset = failure.byteOffset
    describe(failure.message ?? Statuses.message(of: failure.status).description)
  }

  /// Puts a message into the fixed array, cut at a character, zero-terminated.
  fileprivate mutating func describe(_ text: String) {
    withUnsafeMutableBytes(of: &message) { buffer in
      var end = min(text.utf8.count, buffer.count - 1)
      let bytes = Array(text.utf8)
      while end > 0, end < bytes.count, bytes[end] & 0xC0 == 0x80 { end -= 1 }
      for index in 0..<buffer.count { buffer[index] = index < end ? bytes[index] : 0 }
    }
  }
}

// Owns: the errors of the operating system, in plain words.
// Must not: hold anything but the operation, the path that the user gave and the system's number.

internal import CVialSystem

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// A failed operation on a file or on memory.
public struct SystemError: Error, Sendable, CustomStringConvertible {
  /// What was tried: "open", "write", …
  public let operation: StaticString
  /// The path as the caller gave it; empty when there is none.
  public let path: String
  /// The system's error number, or 0 when the system had none to give.
  public let code: Int32
  /// Said in place of the system's sentence when `code` is 0.
  public let reason: StaticString

  /// An error with the system's number.
  public init(_ operation: StaticString, path: String, code: Int32) {
    self.operation = operation
    self.path = path
    self.code = code
    self.reason = ""
  }

  /// An error that the system has no number for.
  public init(_ operation: StaticString, path: String, reason: StaticString) {
    self.operation = operation
    self.path = path
    self.code = 0
    self.reason = reason
  }

  /// A path that is longer than any system takes; without it.
  public static var pathTooLong: SystemError {
    SystemError("open", path: "", code: ENAMETOOLONG)
  }

  /// The error of the call that just failed on this thread.
  static func last(_ operation: StaticString, path: String) -> SystemError {
    SystemError(operation, path: path, code: vial_errno())
  }

  /// Whether memory or address space was short.
  public var isOutOfMemory: Bool { code == ENOMEM }

  /// The same without the path, for places that may be logged.
  public var withoutPath: SystemError {
    code == 0
      ? SystemError(operation, path: "", reason: reason)
      : SystemError(operation, path: "", code: code)
  }

  /// `cannot open model.vial: No such file or directory`
  public var description: String {
    let sentence = code == 0 ? "\(reason)" : String(cString: strerror(code))
    return path.isEmpty
      ? "cannot \(operation): \(sentence)" : "cannot \(operation) \(path): \(sentence)"
  }
}

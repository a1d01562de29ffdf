// Owns: names and messages of the statuses.
// Must not: change a number: the header has them.

import CVial

/// The table of statuses.
enum Statuses {
  /// Name and message by number: a switch, because an array would be allocated.
  private static func entry(
    _ status: vial_status
  ) -> (name: StaticString, message: StaticString) {
    switch Int(status) {
    case VIAL_STATUS_OK: ("VIAL_STATUS_OK", "it worked")
    case VIAL_STATUS_INVALID_ARGUMENT:
      ("VIAL_STATUS_INVALID_ARGUMENT", "an argument is NULL, misaligned or out of range")
    case VIAL_STATUS_INVALID_HANDLE:
      ("VIAL_STATUS_INVALID_HANDLE", "the handle was closed or never was one")
    case VIAL_STATUS_INVALID_STRUCT_SIZE:
      ("VIAL_STATUS_INVALID_STRUCT_SIZE", "struct_size does not fit this library")
    case VIAL_STATUS_INVALID_UTF8: ("VIAL_STATUS_INVALID_UTF8", "a text is not valid UTF-8")
    case VIAL_STATUS_TOO_LONG: ("VIAL_STATUS_TOO_LONG", "a length or a count is above its limit")
    case VIAL_STATUS_BUFFER_TOO_SMALL:
      ("VIAL_STATUS_BUFFER_TOO_SMALL", "the output needs a larger buffer")
    case VIAL_STATUS_OUT_OF_MEMORY: ("VIAL_STATUS_OUT_OF_MEMORY", "memory is short")
    case VIAL_STATUS_SYSTEM: ("VIAL_STATUS_SYSTEM", "the operating system refused")
    case VIAL_STATUS_FORMAT: ("VIAL_STATUS_FORMAT", "the file breaks a rule of its format")
    case VIAL_STATUS_UNKNOWN_TOKEN:
      ("VIAL_STATUS_UNKNOWN_TOKEN", "a token id is not in the model's vocabulary")
    case VIAL_STATUS_NOT_IN_FILE:
      ("VIAL_STATUS_NOT_IN_FILE", "the file does not have what was asked for")
    case VIAL_STATUS_TEMPLATE:
      ("VIAL_STATUS_TEMPLATE", "a template cannot render these messages or values")
    case VIAL_STATUS_NUMERIC:
      ("VIAL_STATUS_NUMERIC", "the computation met a value that is infinite or not a number")
    case VIAL_STATUS_CANCELLED: ("VIAL_STATUS_CANCELLED", "the caller asked to stop")
    case VIAL_STATUS_FORKED:
      ("VIAL_STATUS_FORKED", "the handle belongs to the process that forked this one")
    case VIAL_STATUS_UNSUPPORTED_ISA:
      ("VIAL_STATUS_UNSUPPORTED_ISA", "this CPU cannot run that instruction-set family")
    case VIAL_STATUS_TOO_MANY_HANDLES:
      ("VIAL_STATUS_TOO_MANY_HANDLES", "too many models, engines and requests are open")
    case VIAL_STATUS_UNTRUSTED:
      ("VIAL_STATUS_UNTRUSTED", "no trusted key signed the file as it is")
    case VIAL_STATUS_SCHEMA:
      ("VIAL_STATUS_SCHEMA", "the answer cannot be held to this schema or these choices")
    case VIAL_STATUS_BUSY:
      ("VIAL_STATUS_BUSY", "the engine's queue, or its tenant's part of it, is full")
    case VIAL_STATUS_CLOSED: ("VIAL_STATUS_CLOSED", "the engine or request was closed")
    case VIAL_STATUS_TIMED_OUT: ("VIAL_STATUS_TIMED_OUT", "nothing happened within the time")
    case VIAL_STATUS_FINISHED:
      ("VIAL_STATUS_FINISHED", "the last event was handed out before")
    case VIAL_STATUS_IN_CALLBACK: ("VIAL_STATUS_IN_CALLBACK", "not allowed from a callback")
    default: ("VIAL_STATUS_UNKNOWN", "a status that this library does not know")
    }
  }

  static func name(of status: vial_status) -> StaticString { entry(status).name }

  static func message(of status: vial_status) -> StaticString { entry(status).message }
}

extension StaticString {
  /// The zero-terminated literal, for C.
  var cString: UnsafePointer<CChar> {
    UnsafeRawPointer(utf8Start).assumingMemoryBound(to: CChar.self)
  }
}

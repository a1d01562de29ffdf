// Owns: the exports that need no handle.
// Must not: compute.
// The names are those of the header:
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CVial
import VialCompute
import VialFormat
import VialSystem

@_cdecl("vial_version_number") @implementation
public func vial_version_number() -> UInt32 {
  UInt32(VIAL_VERSION_MAJOR) << 16 | UInt32(VIAL_VERSION_MINOR) << 8 | UInt32(VIAL_VERSION_PATCH)
}

@_cdecl("vial_version_text") @implementation
public func vial_version_text() -> UnsafePointer<CChar>! {
  // VIAL_VERSION_TEXT comes as a String; C needs memory that stays. Tests/ABI compares the two.
  let text: StaticString = "0.2.0"
  return text.cString
}

@_cdecl("vial_build_info") @implementation
public func vial_build_info() -> UnsafePointer<CChar>! { BuildInformation.text }

@_cdecl("vial_abi_version") @implementation
public func vial_abi_version() -> UInt32 { UInt32(VIAL_ABI_VERSION) }

@_cdecl("vial_format_version") @implementation
public func vial_format_version() -> UInt32 {
  UInt32(FormatConstants.majorVersion) << 16 | UInt32(FormatConstants.minorVersion)
}

@_cdecl("vial_arithmetic_version") @implementation
public func vial_arithmetic_version() -> UInt32 { UInt32(Arithmetic.version) }

@_cdecl("vial_isa_name") @implementation
public func vial_isa_name(_ index: UInt32) -> UnsafePointer<CChar>! {
  // Without a list: a function that cannot fail must not need memory.
  KernelFamily(at: Int(index))?.staticName
}

@_cdecl("vial_status_name") @implementation
public func vial_status_name(_ status: vial_status) -> UnsafePointer<CChar>! {
  Statuses.name(of: status).cString
}

@_cdecl("vial_status_message") @implementation
public func vial_status_message(_ status: vial_status) -> UnsafePointer<CChar>! {
  Statuses.message(of: status).cString
}

@_cdecl("vial_text_from") @implementation
public func vial_text_from(_ string: UnsafePointer<CChar>!) -> vial_text {
  guard let string else { return vial_text() }
  var length = 0
  while string[length] != 0 { length += 1 }
  return vial_text(data: string, length: UInt64(length))
}

// Owns: the exports that initialise structs for languages that cannot read macros.
// Must not: differ from the macros, which Tests/ABI/initial.c compares.
// The names are those of the header:
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CVial

/// Runs the body of one: no handle, no reserve.
private func initialize<Structure: BitwiseCopyable>(
  _ pointer: UnsafeMutablePointer<Structure>?, _ size: UInt32, _ defaults: Structure
) -> vial_status {
  do throws(Failure) {
    try Structures.initialize(pointer, size: size, defaults: defaults)
    return vial_status(VIAL_STATUS_OK)
  } catch { return error.status }
}

@_cdecl("vial_error_init") @implementation
public func vial_error_init(
  _ out_error: UnsafeMutablePointer<vial_error>!, _ struct_size: UInt32
) -> vial_status {
  initialize(out_error, struct_size, vial_error())
}

@_cdecl("vial_model_options_init") @implementation
public func vial_model_options_init(
  _ out_options: UnsafeMutablePointer<vial_model_options>!, _ struct_size: UInt32
) -> vial_status {
  initialize(out_options, struct_size, vial_model_options())
}

@_cdecl("vial_model_info_init") @implementation
public func vial_model_info_init(
  _ out_info: UnsafeMutablePointer<vial_model_info>!, _ struct_size: UInt32
) -> vial_status {
  initialize(out_info, struct_size, vial_model_info())
}

@_cdecl("vial_adapter_info_init") @implementation
public func vial_adapter_info_init(
  _ out_info: UnsafeMutablePointer<vial_adapter_info>!, _ struct_size: UInt32
) -> vial_status {
  initialize(out_info, struct_size, vial_adapter_info())
}

@_cdecl("vial_verify_options_init") @implementation
public func vial_verify_options_init(
  _ out_options: UnsafeMutablePointer<vial_verify_options>!, _ struct_size: UInt32
) -> vial_status {
  initialize(out_options, struct_size, vial_verify_options())
}

@_cdecl("vial_engine_options_init") @implementation
public func vial_engine_options_init(
  _ out_options: UnsafeMutablePointer<vial_engine_options>!, _ struct_size: UInt32
) -> vial_status {
  initialize(out_options, struct_size, vial_engine_options())
}

@_cdecl("vial_engine_info_init") @implementation
public func vial_engine_info_init(
  _ out_info: UnsafeMutablePointer<vial_engine_info>!, _ struct_size: UInt32
) -> vial_status {
  initialize(out_info, struct_size, vial_engine_info())
}

@_cdecl("vial_sampling_options_init") @implementation
public func vial_sampling_options_init(
  _ out_options: UnsafeMutablePointer<vial_sampling_options>!, _ struct_size: UInt32
) -> vial_status {
  initialize(out_options, struct_size, vial_sampling_options.initial)
}

@_cdecl("vial_event_init") @implementation
public func vial_event_init(
  _ out_event: UnsafeMutablePointer<vial_event>!, _ struct_size: UInt32
) -> vial_status {
  initialize(out_event, struct_size, vial_event())
}

@_cdecl("vial_request_options_init") @implementation
public func vial_request_options_init(
  _ out_options: UnsafeMutablePointer<vial_request_options>!, _ struct_size: UInt32
) -> vial_status {
  initialize(out_options, struct_size, vial_request_options())
}

@_cdecl("vial_request_info_init") @implementation
public func vial_request_info_init(
  _ out_info: UnsafeMutablePointer<vial_request_info>!, _ struct_size: UInt32
) -> vial_status {
  initialize(out_info, struct_size, vial_request_info())
}

@_cdecl("vial_score_options_init") @implementation
public func vial_score_options_init(
  _ out_options: UnsafeMutablePointer<vial_score_options>!, _ struct_size: UInt32
) -> vial_status {
  initialize(out_options, struct_size, vial_score_options())
}

@_cdecl("vial_engine_metrics_init") @implementation
public func vial_engine_metrics_init(
  _ out_metrics: UnsafeMutablePointer<vial_engine_metrics>!, _ struct_size: UInt32
) -> vial_status {
  initialize(out_metrics, struct_size, vial_engine_metrics())
}

// Owns: the export that lists a model's adapters, and how options name one. Must not: hold logic.
// The names are those of the header:
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CVial
import Vial
import VialFormat
import VialModel
import VialText

@_cdecl("vial_model_get_adapter") @implementation
public func vial_model_get_adapter(
  _ model: OpaquePointer!, _ index: UInt32, _ capacity: UInt64,
  _ out_name: UnsafeMutablePointer<CChar>!, _ out_length: UnsafeMutablePointer<UInt64>!,
  _ out_information: UnsafeMutablePointer<vial_adapter_information>!
) -> vial_status {
  status { () throws(Failure) in
    let place = try Arguments.place(out_length)
    place.pointee = 0
    let model = try HandleRegistry.model(model)
    let room = try Arguments.room(out_name, capacity)
    if let out_information { try Structures.checkOutput(out_information) }
    guard Int(index) < model.adapters.count else { throw Failure(VIAL_STATUS_NOT_IN_FILE) }
    let adapter = model.adapters[Int(index)]
    if let out_information {
      Structures.write(vial_adapter_information(adapter), to: out_information)
    }
    let length = Arguments.copy(adapter.name, to: room)
    try Arguments.report(length, of: capacity, to: place)
  }
}

extension vial_adapter_information {
  fileprivate init(_ adapter: Adapter) {
    self.init()
    rank = UInt32(clamping: adapter.descriptor.rank)
    target_count = UInt32(clamping: adapter.descriptor.targets.count)
    parameter_count = UInt64(clamping: adapter.descriptor.parameterCount)
    byte_count = adapter.descriptor.section.storedByteCount
    withUnsafeMutableBytes(of: &digest) { $0.copyBytes(from: adapter.digest.bytes) }
  }
}

extension Arguments {
  /// The adapter that options name; nil when they name none. A factor of 0 stands for 1.
  static func adapter(
    _ name: UnsafePointer<CChar>?, _ length: UInt64, scale: Float, reserved: UInt32, of model: Model
  ) throws(Failure) -> AppliedAdapter? {
    let bytes = UnsafeRawBufferPointer(
      try elements(name, length, limit: VIAL_ADAPTER_NAME_LIMIT)
    ).assumingMemoryBound(to: UInt8.self)
    guard reserved == 0, !bytes.isEmpty || scale == 0 else {
      throw Failure(VIAL_STATUS_INVALID_ARGUMENT)
    }
    guard !bytes.isEmpty else { return nil }
    if let offset = UTF8Text.firstInvalidOffset(bytes.span) {
      throw Failure(TextError.invalidUTF8(offset: offset))
    }
    let text = String(decoding: bytes, as: UTF8.self)
    return try Failure.mapped { () throws(VialError) in
      try model.adapter(named: text, scale: scale == 0 ? 1 : scale)
    }
  }
}

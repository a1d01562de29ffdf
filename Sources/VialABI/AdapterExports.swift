// Owns: the exports that list a model's adapters, and how options name one.
// Must not: hold logic.
// The names are those of the header:
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CVial
import Vial
import VialFormat
import VialModel
import VialText

@_cdecl("vial_model_get_adapter_info") @implementation
public func vial_model_get_adapter_info(
  _ model: OpaquePointer!, _ index: UInt32, _ out_info: UnsafeMutablePointer<vial_adapter_info>!
) -> vial_status {
  status(reporting: out_info) { () throws(Failure) in
    vial_adapter_info(try adapter(at: index, of: try HandleRegistry.model(model)))
  }
}

@_cdecl("vial_model_copy_adapter_name") @implementation
public func vial_model_copy_adapter_name(
  _ model: OpaquePointer!, _ index: UInt32, _ out_name: UnsafeMutablePointer<CChar>!,
  _ capacity: UInt64, _ out_length: UnsafeMutablePointer<UInt64>!
) -> vial_status {
  status(filling: out_name, capacity, out_length) { buffer throws(Failure) in
    let model = try HandleRegistry.model(model)
    return CArguments.copy(try adapter(at: index, of: model).name, to: buffer)
  }
}

private func adapter(at index: UInt32, of model: Model) throws(Failure) -> Adapter {
  guard Int(index) < model.adapters.count else { throw Failure(VIAL_STATUS_NOT_IN_FILE) }
  return model.adapters[Int(index)]
}

extension vial_adapter_info {
  fileprivate init(_ adapter: Adapter) {
    self.init()
    rank = UInt32(clamping: adapter.descriptor.rank)
    target_count = UInt32(clamping: adapter.descriptor.targets.count)
    parameter_count = UInt64(clamping: adapter.descriptor.parameterCount)
    byte_count = adapter.descriptor.section.storedByteCount
    withUnsafeMutableBytes(of: &digest) { $0.copyBytes(from: adapter.digest.bytes) }
  }
}

extension CArguments {
  /// The adapter that options name; nil when they name none. A factor of 0 stands for 1.
  static func adapter(
    _ name: vial_text, scale: Float, of model: Model
  ) throws(Failure) -> AppliedAdapter? {
    let bytes = try bytes(of: name, limit: VIAL_ADAPTER_NAME_LIMIT)
    guard !bytes.isEmpty else {
      guard scale == 0 else { throw Failure(VIAL_STATUS_INVALID_ARGUMENT) }
      return nil
    }
    try checkUTF8(bytes)
    let text = String(decoding: bytes, as: UTF8.self)
    return try Failure.mapped { () throws(VialError) in
      try model.adapter(named: text, scale: scale == 0 ? 1 : scale)
    }
  }
}

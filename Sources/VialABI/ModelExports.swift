// Owns: the exports that open, describe and close a model.
// Must not: hold logic.
// The names are those of the header:
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CVial
import Vial
import VialFormat
import VialModel
import VialSystem
import VialText

@_cdecl("vial_model_open") @implementation
public func vial_model_open(
  _ path: UnsafePointer<CChar>!, _ options: UnsafePointer<vial_model_options>!,
  _ out_model: UnsafeMutablePointer<OpaquePointer?>!,
  _ out_error: UnsafeMutablePointer<vial_error>!
) -> vial_status {
  status(out_error) { () throws(Failure) in
    let destination = try CArguments.destination(out_model)
    destination.pointee = nil
    guard let path else { throw Failure(VIAL_STATUS_INVALID_ARGUMENT) }
    let options = try Structures.options(options, defaults: vial_model_options())
    try CArguments.check(flags: options.reserved, known: 0)
    guard let access = MappedFile.Access(options.access),
      let verification = ModelFile.Verification(options.verification)
    else { throw Failure(VIAL_STATUS_INVALID_ARGUMENT) }
    let trustedKeys = try trustedKeys(options)
    guard CArguments.isShorter(path, than: CArguments.pathByteLimit) else {
      throw Failure(.system(SystemError.pathTooLong))
    }
    guard let path = String(validatingCString: path) else {
      throw Failure(VIAL_STATUS_INVALID_UTF8, message: "the path is not valid UTF-8")
    }
    let model: Model
    do throws(VialError) {
      model = try Model(
        path: path, access: access, verification: verification, trustedKeys: trustedKeys)
    } catch { throw Failure(error) }
    destination.pointee = try HandleRegistry.register(.model(model))
  }
}

/// The keys in the options; nil when the caller does not ask for a signature.
private func trustedKeys(_ options: vial_model_options) throws(Failure) -> [PublicKey]? {
  let keys: UnsafePointer<UInt8>? = options.trusted_keys
  guard options.trusted_key_count <= UInt64(VIAL_TRUSTED_KEY_LIMIT) else {
    throw Failure(VIAL_STATUS_TOO_LONG)
  }
  let byteCount = options.trusted_key_count * UInt64(PublicKey.byteCount)
  let bytes = try CArguments.elements(
    keys, byteCount, limit: VIAL_TRUSTED_KEY_LIMIT * UInt32(PublicKey.byteCount))
  guard keys != nil else { return nil }
  return stride(from: 0, to: bytes.count, by: PublicKey.byteCount).compactMap {
    PublicKey(Array(bytes[$0..<$0 + PublicKey.byteCount]))
  }
}

extension MappedFile.Access {
  /// `VIAL_ACCESS_…`.
  fileprivate init?(_ number: UInt32) {
    switch Int(number) {
    case VIAL_ACCESS_MAPPED: self = .mapped
    case VIAL_ACCESS_PRIVATE_COPY: self = .copied
    default: return nil
    }
  }
}

extension ModelFile.Verification {
  /// `VIAL_VERIFICATION_…`.
  fileprivate init?(_ number: UInt32) {
    switch Int(number) {
    case VIAL_VERIFICATION_TABLES: self = .tables
    case VIAL_VERIFICATION_LAZY: self = .lazy
    case VIAL_VERIFICATION_WHOLE: self = .whole
    default: return nil
    }
  }
}

@_cdecl("vial_model_close") @implementation
public func vial_model_close(_ model: OpaquePointer!) {
  _ = status(reserve: 0) { () throws(Failure) in
    _ = try HandleRegistry.remove(model) { target in
      if case .model = target { true } else { false }
    }
  }
}

@_cdecl("vial_model_get_info") @implementation
public func vial_model_get_info(
  _ model: OpaquePointer!, _ out_info: UnsafeMutablePointer<vial_model_info>!
) -> vial_status {
  status(reporting: out_info) { () throws(Failure) in
    vial_model_info(try HandleRegistry.model(model))
  }
}

extension vial_model_info {
  fileprivate init(_ model: Model) {
    self.init()
    let configuration = model.file.configuration
    flags = Self.flags(model)
    parameter_count = model.parameterCount
    weights_byte_count = model.weightsByteCount
    file_byte_count = model.file.root.fileByteCount
    layer_count = UInt32(clamping: configuration.layerCount)
    hidden_size = UInt32(clamping: configuration.hiddenSize)
    feed_forward_size = UInt32(clamping: configuration.feedForwardSize)
    head_count = UInt32(clamping: configuration.headCount)
    key_value_head_count = UInt32(clamping: configuration.keyValueHeadCount)
    head_dimension = UInt32(clamping: configuration.headDimension)
    vocabulary_size = UInt32(clamping: configuration.vocabularySize)
    token_count = UInt32(clamping: model.tokenizer.tokenCount)
    context_length = UInt32(clamping: configuration.contextLength)
    score_window = UInt32(clamping: Scorer.windowSize(of: model))
    adapter_count = UInt32(clamping: model.adapters.count)
    begin_token = configuration.bosToken ?? VIAL_TOKEN_NONE
    withUnsafeMutableBytes(of: &model_digest) { $0.copyBytes(from: model.file.modelDigest.bytes) }
    withUnsafeMutableBytes(of: &file_digest) { $0.copyBytes(from: model.file.fileDigest.bytes) }
  }

  private static func flags(_ model: Model) -> UInt32 {
    var flags = 0
    if model.chatTemplate != nil { flags |= VIAL_MODEL_HAS_CHAT_TEMPLATE }
    if model.file.configuration.isEmbeddingTied { flags |= VIAL_MODEL_HAS_TIED_EMBEDDING }
    if model.file.configuration.addsBOS { flags |= VIAL_MODEL_BEGINS_WITH_TOKEN }
    // Damaged provenance counts: asking for the text then tells what is wrong.
    do throws(VialError) {
      if try model.notice() != nil { flags |= VIAL_MODEL_HAS_NOTICE }
    } catch { flags |= VIAL_MODEL_HAS_NOTICE }
    return UInt32(flags)
  }
}

@_cdecl("vial_model_copy_text") @implementation
public func vial_model_copy_text(
  _ model: OpaquePointer!, _ which: vial_model_text, _ out_text: UnsafeMutablePointer<CChar>!,
  _ capacity: UInt64, _ out_length: UnsafeMutablePointer<UInt64>!,
  _ out_error: UnsafeMutablePointer<vial_error>!
) -> vial_status {
  status(filling: out_text, capacity, out_length, out_error) { buffer throws(Failure) in
    let model = try HandleRegistry.model(model)
    return CArguments.copy(try string(which, of: model), to: buffer)
  }
}

/// What a model says, its errors as statuses.
private func said<Text>(_ read: () throws(VialError) -> Text) throws(Failure) -> Text {
  do throws(VialError) { return try read() } catch { throw Failure(error) }
}

/// The text `VIAL_MODEL_TEXT_…`.
private func string(_ number: UInt32, of model: Model) throws(Failure) -> String {
  switch Int(number) {
  case VIAL_MODEL_TEXT_ARCHITECTURE: return model.file.configuration.architecture
  case VIAL_MODEL_TEXT_NAME: return try said { () throws(VialError) in try model.name() }
  case VIAL_MODEL_TEXT_MODEL_DIGEST: return model.file.modelDigest.description
  case VIAL_MODEL_TEXT_FILE_DIGEST: return model.file.fileDigest.description
  case VIAL_MODEL_TEXT_NOTICE:
    let notice = try said { () throws(VialError) in try model.notice() }
    guard let notice else { throw Failure(VIAL_STATUS_NOT_IN_FILE) }
    return notice
  default: throw Failure(VIAL_STATUS_INVALID_ARGUMENT)
  }
}

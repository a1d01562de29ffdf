// Owns: the exports between text and token ids.
// Must not: copy text, hold logic.
// The names are those of the header:
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CVial
import Vial
import VialFormat
import VialText

@_cdecl("vial_model_encode") @implementation
public func vial_model_encode(
  _ model: OpaquePointer!, _ text: vial_text, _ flags: UInt32,
  _ out_tokens: UnsafeMutablePointer<UInt32>!, _ capacity: UInt64,
  _ out_token_count: UnsafeMutablePointer<UInt64>!,
  _ out_error: UnsafeMutablePointer<vial_error>!
) -> vial_status {
  status(filling: out_tokens, capacity, out_token_count, out_error, readsText: true) {
    buffer throws(Failure) in
    let model = try HandleRegistry.model(model)
    let text = try CArguments.bytes(of: text)
    try CArguments.check(
      flags: flags, known: VIAL_ENCODE_ADD_SPECIAL_TOKENS | VIAL_ENCODE_ALLOW_SPECIAL_TOKENS)
    let options = EncodeOptions(
      addsSpecialTokens: flags & UInt32(VIAL_ENCODE_ADD_SPECIAL_TOKENS) != 0,
      isLiteral: flags & UInt32(VIAL_ENCODE_ALLOW_SPECIAL_TOKENS) == 0)
    var workspace = TokenizerWorkspace()
    var output = buffer.mutableSpan
    do throws(TextError) {
      return try model.tokenizer.encode(
        text.span, options, workspace: &workspace, into: &output)
    } catch { throw Failure(error) }
  }
}

@_cdecl("vial_model_decode") @implementation
public func vial_model_decode(
  _ model: OpaquePointer!, _ tokens: UnsafePointer<UInt32>!, _ token_count: UInt64,
  _ flags: UInt32, _ out_text: UnsafeMutablePointer<CChar>!, _ capacity: UInt64,
  _ out_length: UnsafeMutablePointer<UInt64>!,
  _ out_error: UnsafeMutablePointer<vial_error>!
) -> vial_status {
  status(filling: out_text, capacity, out_length, out_error, readsText: true) {
    buffer throws(Failure) in
    let model = try HandleRegistry.model(model)
    let tokens = try CArguments.tokens(tokens, token_count, of: model)
    try CArguments.check(flags: flags, known: VIAL_DECODE_SKIP_SPECIAL_TOKENS)
    let bytes = UnsafeMutableRawBufferPointer(buffer).assumingMemoryBound(to: UInt8.self)
    var output = bytes.mutableSpan
    return model.tokenizer.decode(
      tokens.span,
      skipsSpecialTokens: flags & UInt32(VIAL_DECODE_SKIP_SPECIAL_TOKENS) != 0,
      into: &output)
  }
}

@_cdecl("vial_model_copy_token_bytes") @implementation
public func vial_model_copy_token_bytes(
  _ model: OpaquePointer!, _ token: UInt32, _ out_bytes: UnsafeMutablePointer<UInt8>!,
  _ capacity: UInt64, _ out_length: UnsafeMutablePointer<UInt64>!,
  _ out_error: UnsafeMutablePointer<vial_error>!
) -> vial_status {
  status(filling: out_bytes, capacity, out_length, out_error) { buffer throws(Failure) in
    let model = try HandleRegistry.model(model)
    guard Int(token) < model.file.configuration.vocabularySize else {
      throw Failure(VIAL_STATUS_UNKNOWN_TOKEN)
    }
    let tokenizer = model.tokenizer
    let bytes = tokenizer.bytes(of: token)
    for index in 0..<min(bytes.count, buffer.count) { buffer[index] = bytes[index] }
    return bytes.count
  }
}

extension CArguments {
  /// Token ids, each in the model's vocabulary.
  static func tokens(
    _ pointer: UnsafePointer<UInt32>?, _ count: UInt64, of model: Model
  ) throws(Failure) -> UnsafeBufferPointer<UInt32> {
    let tokens = try elements(pointer, count, limit: VIAL_TOKEN_COUNT_LIMIT)
    let bound = UInt32(clamping: model.file.configuration.vocabularySize)
    for index in 0..<tokens.count where tokens[index] >= bound {
      throw Failure(VIAL_STATUS_UNKNOWN_TOKEN)
    }
    return tokens
  }
}

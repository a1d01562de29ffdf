// Owns: the exports between text and token ids. Must not: copy text, hold logic.
// The names are those of the header:
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CVial
import Vial
import VialFormat
import VialText

@_cdecl("vial_model_tokenize") @implementation
public func vial_model_tokenize(
  _ model: OpaquePointer!, _ text: UnsafePointer<CChar>!, _ text_length: UInt64,
  _ flags: UInt32, _ token_capacity: UInt64, _ out_tokens: UnsafeMutablePointer<UInt32>!,
  _ out_token_count: UnsafeMutablePointer<UInt64>!,
  _ out_error: UnsafeMutablePointer<vial_error>!
) -> vial_status {
  status(out_error, readsText: true) { () throws(Failure) in
    let place = try Arguments.place(out_token_count)
    place.pointee = 0
    let model = try HandleRegistry.model(model)
    let text = try Arguments.text(text, text_length)
    let room = try Arguments.room(out_tokens, token_capacity)
    try Arguments.check(flags: flags, known: VIAL_TOKENIZE_ADD_SPECIAL | VIAL_TOKENIZE_LITERAL)
    let options = EncodeOptions(
      addsSpecialTokens: flags & UInt32(VIAL_TOKENIZE_ADD_SPECIAL) != 0,
      isLiteral: flags & UInt32(VIAL_TOKENIZE_LITERAL) != 0)
    var workspace = TokenizerWorkspace()
    var output = room.mutableSpan
    let count: Int
    do throws(TextError) {
      count = try model.tokenizer.encode(
        text.span, options, workspace: &workspace, into: &output)
    } catch { throw Failure(error) }
    try Arguments.report(count, of: token_capacity, to: place)
  }
}

@_cdecl("vial_model_detokenize") @implementation
public func vial_model_detokenize(
  _ model: OpaquePointer!, _ tokens: UnsafePointer<UInt32>!, _ token_count: UInt64,
  _ flags: UInt32, _ capacity: UInt64, _ out_text: UnsafeMutablePointer<CChar>!,
  _ out_length: UnsafeMutablePointer<UInt64>!
) -> vial_status {
  status(readsText: true) { () throws(Failure) in
    let place = try Arguments.place(out_length)
    place.pointee = 0
    let model = try HandleRegistry.model(model)
    let tokens = try Arguments.tokens(tokens, token_count, of: model)
    let room = try Arguments.room(out_text, capacity)
    try Arguments.check(flags: flags, known: VIAL_DETOKENIZE_SKIP_SPECIAL)
    let bytes = UnsafeMutableRawBufferPointer(room).assumingMemoryBound(to: UInt8.self)
    var output = bytes.mutableSpan
    let count = model.tokenizer.decode(
      tokens.span, skipsSpecialTokens: flags & UInt32(VIAL_DETOKENIZE_SKIP_SPECIAL) != 0,
      into: &output)
    try Arguments.report(count, of: capacity, to: place)
  }
}

@_cdecl("vial_model_get_token_bytes") @implementation
public func vial_model_get_token_bytes(
  _ model: OpaquePointer!, _ token: UInt32, _ capacity: UInt64,
  _ out_bytes: UnsafeMutablePointer<UInt8>!, _ out_length: UnsafeMutablePointer<UInt64>!
) -> vial_status {
  status { () throws(Failure) in
    let place = try Arguments.place(out_length)
    place.pointee = 0
    let model = try HandleRegistry.model(model)
    let room = try Arguments.room(out_bytes, capacity)
    guard Int(token) < model.file.configuration.vocabularySize else {
      throw Failure(VIAL_STATUS_UNKNOWN_TOKEN)
    }
    let tokenizer = model.tokenizer
    let bytes = tokenizer.bytes(of: token)
    for index in 0..<min(bytes.count, room.count) { room[index] = bytes[index] }
    try Arguments.report(bytes.count, of: capacity, to: place)
  }
}

extension Arguments {
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

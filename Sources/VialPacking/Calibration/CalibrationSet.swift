// Owns: the text that quantised layers are fitted to: reading it, and cutting its tokens into
// windows.
// Must not: show a word of it in an error.

import VialFormat
import VialSystem
import VialText

/// Calibration text as windows of token ids.
struct CalibrationSet: Sendable {
  /// Tokens of a window at most; the context, where that is shorter.
  static let windowTokenCount = 512
  /// Least tokens: fewer say too little about thousands of inputs.
  static let minimumTokenCount = 2048
  /// Most tokens that are used.
  static let maximumTokenCount = 1 << 17
  /// Most bytes of activations between two layers, which are in memory for all tokens.
  static let maximumActivationByteCount = 5 << 28
  /// Longest file in bytes.
  static let maximumFileByteCount: UInt64 = 1 << 28

  /// Window after window, `windowCount` × `tokensPerWindow` ids.
  let tokens: [UInt32]
  let tokensPerWindow: Int
  /// Of the file.
  let digest: Digest
  /// Tokens of the whole text.
  let availableTokenCount: Int

  var windowCount: Int { tokens.count / tokensPerWindow }

  /// Reads and tokenises the file at `path` for a source.
  init(path: String, source: PackSource) throws(PackingError) {
    let shown = PackingError.printable(path)
    func failure(_ reason: String) -> PackingError { PackingError("\(shown): \(reason)") }
    let bytes: [UInt8]
    do {
      bytes = try FileReader(path: path).readAll(limit: Self.maximumFileByteCount)
    } catch { throw PackingError("\(error)") }
    guard bytes.contains(where: { $0 > 0x20 }) else { throw failure("there is no text in it") }
    if let offset = UTF8Check.firstBadOffset(bytes) {
      throw failure("not UTF-8 text, at byte \(offset)")
    }
    var encoder = try CalibrationEncoder(source)
    do throws(PackingError) {
      try encoder.add(CalibrationDocuments(bytes))
    } catch { throw failure(error.message) }
    let stream = encoder.tokens
    let size = source.configuration.vocabularySize
    guard stream.allSatisfy({ $0 < UInt32(clamping: size) }) else {
      throw failure("its tokens are outside the model's vocabulary")
    }
    guard stream.count >= Self.minimumTokenCount else {
      throw failure(
        "too short to calibrate with: \(stream.count) tokens, at least \(Self.minimumTokenCount) are needed"
      )
    }
    let window = min(Self.windowTokenCount, source.configuration.contextLength)
    (tokensPerWindow, availableTokenCount) = (window, stream.count)
    tokens = Self.windows(
      stream, window: window, begin: encoder.beginToken,
      limit: Self.tokenLimit(source.configuration))
    var hash = SHA256()
    hash.update(bytes.span.bytes)
    digest = hash.finalize()
  }

  /// Tokens whose activations fit the limit: two residual streams and the attention's output.
  private static func tokenLimit(_ configuration: CheckpointConfiguration) -> Int {
    let width =
      2 * configuration.hiddenSize + configuration.headCount * configuration.headDimension
    return min(maximumTokenCount, maximumActivationByteCount / (4 * width))
  }

  /// Cuts a stream into windows, each behind `begin` when there is one; takes windows from all over
  /// the text when there are too many.
  private static func windows(
    _ stream: [UInt32], window: Int, begin: UInt32?, limit: Int
  ) -> [UInt32] {
    let fresh = window - (begin == nil ? 0 : 1)
    let available = max(1, stream.count / fresh)
    let count = min(available, max(1, limit / window))
    var out: [UInt32] = []
    for index in 0..<count {
      let first = index * available / count * fresh
      if let begin { out.append(begin) }
      out += stream[first..<first + fresh]
    }
    return out
  }
}

/// Where bytes stop being UTF-8.
enum UTF8Check {
  /// The offset of the first byte that is not part of well-formed UTF-8, or nil.
  static func firstBadOffset(_ bytes: [UInt8]) -> Int? {
    guard String(validating: bytes, as: UTF8.self) == nil else { return nil }
    // The longest valid beginning, by halves.
    var (valid, bad) = (0, bytes.count)
    while valid < bad {
      let middle = (valid + bad) / 2
      if isBeginning(bytes[...middle]) { valid = middle + 1 } else { bad = middle }
    }
    // A character that is cut begins up to three bytes before.
    while valid > 0, String(validating: bytes[..<valid], as: UTF8.self) == nil { valid -= 1 }
    return valid
  }

  /// Whether `bytes` are UTF-8, but for a character that may be cut at the end.
  private static func isBeginning(_ bytes: ArraySlice<UInt8>) -> Bool {
    for cut in 0...3 where cut <= bytes.count {
      let tail = bytes.suffix(cut)
      let isCut =
        cut == 0
        || tail.first.map { $0 >= 0xC2 && $0 < 0xF5 && Self.length($0) > cut } == true
          && tail.dropFirst().allSatisfy { $0 & 0xC0 == 0x80 }
      if isCut, String(validating: bytes.dropLast(cut), as: UTF8.self) != nil { return true }
    }
    return false
  }

  private static func length(_ lead: UInt8) -> Int { lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4 }
}

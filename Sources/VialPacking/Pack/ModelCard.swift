// Owns: the little that is taken from a model card: its licence, from the front matter of
// README.md.
// Must not: parse YAML; only a plain `license: NAME` line between two `---` lines is read.

/// The front matter of a `README.md`.
struct ModelCard: Sendable {
  /// The licence's short name, such as `apache-2.0`.
  var license: String?

  /// Reads the first lines of a model card.
  init(_ bytes: [UInt8]) {
    let lines = bytes.prefix(65_536).split(
      separator: UInt8(ascii: "\n"), maxSplits: 500, omittingEmptySubsequences: false)
    guard let first = lines.first, Self.isFence(first) else { return }
    for line in lines.dropFirst() {
      if Self.isFence(line) { return }
      let key = Array("license:".utf8)
      guard line.starts(with: key) else { continue }
      let value = line.dropFirst(key.count).filter {
        $0 > 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x27
      }
      if !value.isEmpty, value.count <= 64 { license = String(decoding: value, as: UTF8.self) }
      return
    }
  }

  private static func isFence(_ line: some Collection<UInt8>) -> Bool {
    line.elementsEqual("---".utf8) || line.elementsEqual("---\r".utf8)
  }
}

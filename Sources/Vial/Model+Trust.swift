// Owns: the question whether somebody whom the caller trusts signed a file.
// Must not: trust a key because it is in the file.
// Source: Spec/FORMAT.md, "Opening a file".

import VialFormat

extension Model {
  /// Checks that one of `keys` signed the file as it is.
  ///
  /// Vouched for afterwards: the section table with the digest of every section, and the contents
  /// of configuration, tensor table, tokenizer, templates, texts and provenance, which are hashed
  /// here. Weights are held against their digests before their first use, since such a file is
  /// verified lazily at least. What others may change after opening is not covered when the file is
  /// mapped; open with `.copied` then.
  static func checkTrust(_ file: VialFile, _ keys: [PublicKey]) throws(VialError) {
    var states: [SignatureState] = []
    do throws(FormatError) {
      for key in keys {
        if let state = try file.signatureState(by: key) { states.append(state) }
      }
    } catch { throw VialError(error) }
    guard states.contains(.valid) else {
      let isStale = states.contains {
        if case .stale = $0 { return true }
        return false
      }
      throw .untrusted(
        isStale
          ? "the file was changed after a trusted key signed it"
          : "no trusted key signed the file")
    }
    do throws(FormatError) { try file.checkSmallSections() } catch { throw VialError(error) }
  }
}

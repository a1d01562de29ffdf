// Owns: which signatures an opened file has, and what they are worth for the file as it is.
// Must not: decide whose signature counts.
// Source: Spec/FORMAT.md, "Signatures", "Opening a file".

/// What a signature is worth for the file that holds it.
package enum SignatureState: Sendable, Equatable {
  /// Right, for this very file.
  case valid
  /// Right, for a file that was changed since; `isModelUnchanged`: only around the model.
  case stale(isModelUnchanged: Bool)
  /// Not a signature of the key that it names, or not a signature at all.
  case wrong
}

extension VialFile {
  /// A signature section, judged.
  package struct SignatureReport: Sendable, Equatable {
    package let section: SectionDescriptor
    package let state: SignatureState
    /// nil when it is wrong.
    package let signature: Signature?
  }

  /// All signatures, by section id. O(signatures).
  /// - Throws: `outOfMemory`.
  package var signatures: [SignatureReport] {
    get throws(FormatError) {
      var reports: [SignatureReport] = []
      for section in sectionTable.all(.signature) { reports.append(try report(on: section)) }
      return reports
    }
  }

  /// What a section of kind signature says, and what that is worth.
  /// - Throws: `outOfMemory`.
  func report(on section: SectionDescriptor) throws(FormatError) -> SignatureReport {
    let wrong = SignatureReport(section: section, state: .wrong, signature: nil)
    guard let stored = storedBytes(of: section) else { return wrong }
    do throws(FormatError) {
      let signature = try Signature(stored, id: section.id, at: section.offset)
      return SignatureReport(section: section, state: state(of: signature), signature: signature)
    } catch {
      if error.isOutOfMemory { throw error }
      return wrong
    }
  }

  private func state(of signature: Signature) -> SignatureState {
    if signature.fileDigest == fileDigest { return .valid }
    return .stale(isModelUnchanged: signature.modelDigest == modelDigest)
  }

  /// What the signature by `key` is worth; nil when the file has none. Checks one signature at
  /// most.
  /// - Throws: `outOfMemory`.
  package func signatureState(by key: PublicKey) throws(FormatError) -> SignatureState? {
    guard let section = sectionTable.find(.signature, id: key.sectionID) else { return nil }
    let report = try report(on: section)
    guard let signature = report.signature else { return .wrong }
    return signature.publicKey == key ? report.state : nil
  }

  /// Model and file digest together.
  package var digests: FileDigests { FileDigests(model: modelDigest, file: fileDigest) }

  /// Checks the digests of everything that is not weights, an adapter or free: tokenizer,
  /// templates, texts, provenance. O(bytes of these).
  /// - Throws: R-220.
  package func checkSmallSections() throws(FormatError) {
    for section in sections where ![.weights, .adapter, .free].contains(section.kind) {
      let region = try VialFile.region(section, in: file)
      guard DigestTree.digest(region) == section.digest else {
        throw FormatError(
          rule: 220, offset: section.offset, "a section does not match its digest")
      }
    }
  }
}

// Opening only what somebody trusted has signed.
import Foundation
import TestSupport
import Testing
import Vial
import VialFormat
import VialModel
import VialPacking
import VialSystem

@Suite struct TrustTests {
  private let key: SigningKey
  private let trusted: PublicKey
  private let stranger: PublicKey
  private let path: String

  init() throws {
    key = try SigningKey.generate()
    trusted = try #require(PublicKey(key.publicKey))
    let other = try SigningKey.generate()
    stranger = try #require(PublicKey(other.publicKey))
    path = NSTemporaryDirectory() + "vial-trust-\(UUID().uuidString).vial"
    let plain = try PackedModel.path("qwen2-tiny-untied")
    try FileManager.default.copyItem(atPath: plain, toPath: path)
  }

  private func sign() throws {
    let editor = try FileEditor(path: path)
    var appender = try FileAppender(editor.descriptor)
    let section = try Signature.section(
      editor.descriptor.digests, by: trusted, sign: { key.sign($0) })
    try appender.add(.signature, id: trusted.sectionID, ByteRegion(copying: section))
    try editor.apply(try appender.plan())
  }

  /// What opening says; empty when it works.
  private func refusal(_ keys: [PublicKey]?) -> String {
    do {
      _ = try Model(path: path, trustedKeys: keys)
      return ""
    } catch { return "\(error)" }
  }

  @Test func onlyTrustedKeysOpen() throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    #expect(refusal(nil) == "")
    #expect(refusal([trusted]) == "no trusted key signed the file")
    try sign()
    #expect(refusal([trusted]) == "")
    #expect(refusal([stranger, trusted]) == "")
    #expect(refusal([stranger]) == "no trusted key signed the file")
    #expect(refusal([]) == "no trusted key signed the file")
    // Changed after signing: the model is the same, the file is not what was signed.
    let editor = try FileEditor(path: path)
    var appender = try FileAppender(editor.descriptor)
    try appender.remove(.provenance)
    try editor.apply(try appender.plan())
    #expect(refusal([trusted]).contains("changed after a trusted key signed"))
    #expect(refusal(nil) == "")
  }

  @Test func aChangedTokenizerIsFound() throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    try sign()
    let section = try #require(
      try Model(path: path).file.sections.first { $0.kind == .chatTemplate })
    var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
    bytes[Int(section.offset) + 20] ^= 1
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    #expect(refusal([trusted]).contains("R-220"))
  }

  /// A program that has the file open keeps answering while it is changed and replaced.
  @Test func openModelsDoNotNotice() throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    let prompt: [UInt32] = [5, 6, 7]
    let model = try Model(path: path)
    let before = try Scorer(model: model).logits(prompt)
    try sign()
    #expect(try Scorer(model: model).logits(prompt) == before)
    _ = try FileCompactor.compact(path: path, output: nil) { _, _ in true }
    #expect(try Scorer(model: model).logits(prompt) == before)
    #expect(try Scorer(model: Model(path: path)).logits(prompt) == before)
  }
}

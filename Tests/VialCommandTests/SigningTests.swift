// keygen, sign, verify --key, pack --sign and compact as their users see them.

import Foundation
import TestSupport
import Testing

@Suite struct SigningTests {
  private let folder = TemporaryFolder()
  private let file: String

  init() throws {
    file = try folder.write("a.vial", try PackedFile.bytes())
  }

  /// Makes a key pair and returns the secret key's path and the public key's digits.
  private func keygen(_ name: String) throws -> (path: String, digits: String) {
    let run = try CommandRun("keygen", folder.path(name))
    #expect(run.status == 0)
    return (folder.path(name), run.output.trimmingCharacters(in: .whitespacesAndNewlines))
  }

  private func states() throws -> [String: String] {
    let json = try CommandRun("verify", file, "--json").json()
    let signatures = try #require(json["signatures"] as? [[String: Any]])
    return Dictionary(
      uniqueKeysWithValues: signatures.compactMap {
        guard let key = $0["key"] as? String, let state = $0["state"] as? String else { return nil }
        return (key, state)
      })
  }

  private func bytes(_ path: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: path)))
  }

  @Test func signingAndVerifying() throws {
    let (alice, bob) = (try keygen("alice"), try keygen("bob"))
    #expect(alice.digits.count == 64)
    #expect(try CommandRun("verify", file, "--key", alice.path + ".pub").status == 1)
    #expect(
      try CommandRun("sign", file, "--key", alice.path, "--comment", "checked\u{1B}").status == 0)
    #expect(try CommandRun("sign", file, "--key", bob.path).status == 0)
    #expect(try states() == [alice.digits: "valid", bob.digits: "valid"])
    let run = try CommandRun("verify", file, "--key", alice.path + ".pub")
    #expect(run.status == 0)
    #expect(run.output.contains("valid, by \(alice.digits): checked"))
    #expect(!run.output.contains("\u{1B}"))
    #expect(try CommandRun("verify", file, "--key", bob.digits).status == 0)
    // Signing again changes nothing.
    let before = try bytes(file)
    #expect(try CommandRun("sign", file, "--key", bob.path).message.contains("already"))
    #expect(try bytes(file) == before)
    let stranger = try keygen("eve")
    let refused = try CommandRun("verify", file, "--key", stranger.digits, "--json")
    #expect(refused.status == 1)
    #expect(try refused.json()["trusted"] as? Bool == false)
    #expect(try refused.json()["whole"] as? Bool == true)
    #expect(refused.messageLines.count == 1)
    #expect(
      try CommandRun("verify", file, "--key", stranger.digits, "--key", bob.digits).status == 0)
    // Removing needs no secret.
    #expect(try CommandRun("sign", file, "--key", alice.path + ".pub", "--remove").status == 0)
    #expect(try states() == [bob.digits: "valid"])
    #expect(try CommandRun("sign", file, "--key", alice.path, "--remove").status == 1)
    #expect(try CommandRun("sign", file, "--remove").status == 0)
    #expect(try states() == [:])
    #expect(try CommandRun("run", file, "--ids", "1", "--max-tokens", "1").status == 0)
  }

  @Test func keysAreNotMixedUpOrOverwritten() throws {
    let key = try keygen("key")
    let secret = try bytes(key.path)
    let again = try CommandRun("keygen", key.path)
    #expect(again.status == 1)
    #expect(again.messageLines.count == 1)
    #expect(try bytes(key.path) == secret)
    for arguments in [
      ["sign", file, "--key", key.path + ".pub"], ["verify", file, "--key", key.path],
      ["sign", file, "--key", folder.path("none")], ["verify", file, "--key", file],
      ["keygen", folder.path("no/such/folder/key")],
      ["sign", folder.path("none"), "--key", key.path], ["compact", folder.path("none")],
      ["sign", folder.path, "--key", key.path], ["compact", folder.path],
    ] {
      let run = try CommandRun(arguments: arguments)
      #expect(run.status == 1, "\(arguments)")
      #expect(run.messageLines.count == 1, "\(arguments): \(run.message)")
      let digits = String(decoding: secret, as: UTF8.self).split(separator: "\n")[1]
      #expect(!(run.message + run.output).contains(digits))
    }
    for arguments in [
      ["sign", file], ["keygen"], ["compact"],
      ["sign", file, "--key", key.path, "--remove", "--comment", "x"],
      ["sign", file, "--key", key.path, "--comment", String(repeating: "x", count: 4097)],
    ] { #expect(try CommandRun(arguments: arguments).status == 2) }
    #expect(try bytes(file) == PackedFile.bytes())
  }

  @Test func damagedFilesAreNotSigned() throws {
    let key = try keygen("key")
    var damaged = try PackedFile.bytes()
    damaged[65536 + 4000] ^= 1
    let path = try folder.write("damaged.vial", damaged)
    for arguments in [["sign", path, "--key", key.path], ["compact", path]] {
      let run = try CommandRun(arguments: arguments)
      #expect(run.status == 1)
      #expect(run.message.contains("R-220"))
      #expect(run.messageLines.count == 1)
    }
    #expect(try bytes(path) == damaged)
    #expect(folder.contents == ["a.vial", "damaged.vial", "key", "key.pub"])
  }

  @Test func packingWithAKeyIsSigningAndCompacting() throws {
    let key = try keygen("key")
    let source = Files.fixtures.appendingPathComponent("checkpoints/qwen2-tiny-untied").path
    let packed = folder.path("packed.vial")
    let run = try CommandRun(
      "pack", source, "-o", packed, "--notice", "for tests only", "--sign", key.path)
    #expect(run.status == 0, "\(run.message)")
    #expect(try CommandRun("verify", packed, "--key", key.digits).status == 0)
    #expect(try CommandRun("sign", file, "--key", key.path).status == 0)
    #expect(try bytes(file) != bytes(packed))
    #expect(try CommandRun("compact", file).status == 0)
    #expect(try bytes(file) == bytes(packed))
    #expect(try CommandRun("sign", file, "--remove").status == 0)
    #expect(try CommandRun("compact", file, "-o", folder.path("b.vial")).status == 0)
    #expect(try bytes(folder.path("b.vial")) == PackedFile.bytes())
    let missing = try CommandRun(
      "pack", source, "-o", folder.path("c"), "--sign", folder.path("none"))
    #expect(missing.status == 1)
    #expect(missing.messageLines.count == 1)
    #expect(!folder.contents.contains("c"))
  }

  @Test func tailsAreReportedAndDropped() throws {
    let whole = try PackedFile.bytes()
    try Data(whole + [UInt8](repeating: 3, count: 4711)).write(to: URL(fileURLWithPath: file))
    let run = try CommandRun("verify", file, "--json")
    #expect(run.status == 1)
    #expect(run.message.contains("unfinished append: 4711 bytes; run `vial compact`\n"))
    let problems = try #require(try run.json()["problems"] as? [[String: Any]])
    #expect(
      problems.first?["message"] as? String
        == "unfinished append: 4711 bytes; run `vial compact`")
    #expect(try CommandRun("run", file, "--ids", "1", "--max-tokens", "1").status == 0)
    #expect(try CommandRun("compact", file).status == 0)
    #expect(try bytes(file) == whole)
  }
}

// Changing a file in place, and the one writer at a time; key files.
import Foundation
import TestSupport
import Testing
import VialSystem

@Suite struct InPlaceFileTests {
  let folder = TemporaryFolder()

  @Test func writingAndCutting() throws {
    try folder.write("a", Array(0..<100))
    let file = try InPlaceFile(path: folder.path("a"))
    let mapped = try file.map()
    #expect(mapped.byteCount == 100)
    try [UInt8](repeating: 7, count: 10).withUnsafeBytes { try file.write($0, at: 120) }
    try file.truncate(to: 125)
    try file.sync()
    let expected =
      Array(0..<100) + [UInt8](repeating: 0, count: 20) + [UInt8](repeating: 7, count: 5)
    #expect(try folder.read("a") == expected)
    for offset in [UInt64(1) << 63, .max, .max - 4] {
      #expect(throws: SystemError.self) {
        try [UInt8](repeating: 7, count: 10).withUnsafeBytes { try file.write($0, at: offset) }
      }
    }
    #expect(throws: SystemError.self) { try file.truncate(to: .max) }
  }

  @Test func oneWriterAtATime() throws {
    try folder.write("a", [1])
    var first: InPlaceFile? = try InPlaceFile(path: folder.path("a"))
    #expect(message { _ = try InPlaceFile(path: folder.path("a")) }.contains("another program"))
    #expect(first != nil)
    first = nil
    #expect(message { _ = try InPlaceFile(path: folder.path("a")) } == "")
  }

  @Test func filesThatCannotBeChanged() throws {
    mkfifo(folder.path("pipe"), 0o600)
    #expect(message { _ = try InPlaceFile(path: folder.path("none")) }.contains("No such file"))
    #expect(message { _ = try InPlaceFile(path: folder.path) }.contains("directory"))
    #expect(message { _ = try InPlaceFile(path: folder.path("pipe")) }.contains("regular"))
    #if os(Linux)
      // Nobody, not even the superuser, may write to a program that runs.
      #expect(message { _ = try InPlaceFile(path: "/proc/self/exe") }.contains("busy"))
    #endif
  }

  /// Programs that take no lock may put another file in the place.
  @Test func aFileThatWasReplacedIsToldFromTheNewOne() throws {
    try folder.write("a", [1])
    let file = try InPlaceFile(path: folder.path("a"))
    try file.checkName()
    try folder.write("b", [2])
    #expect(rename(folder.path("b"), folder.path("a")) == 0)
    #expect(message { try file.checkName() }.contains("replaced"))
    unlink(folder.path("a"))
    #expect(message { try file.checkName() }.contains("No such file"))
  }

  @Test func linksAreFollowed() throws {
    try folder.write("a", [1, 2])
    #expect(symlink("a", folder.path("link")) == 0)
    let file = try InPlaceFile(path: folder.path("link"))
    try [UInt8(7)].withUnsafeBytes { try file.write($0, at: 0) }
    #expect(try folder.read("a") == [7, 2])
    // Under its own name it is locked, too.
    #expect(message { _ = try InPlaceFile(path: folder.path("a")) }.contains("another program"))
    try file.checkName()
  }

  @Test func keyFilesAreWrittenOnceAndReadBack() throws {
    let key = try SigningKey.generate()
    let path = folder.path("key")
    try KeyFile.write(key, to: path)
    var status = stat()
    #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
    guard case .secret(let read) = try KeyFile(path: path) else {
      Issue.record("not a secret key")
      return
    }
    #expect(read.publicKey == key.publicKey)
    #expect(read.sign([1, 2, 3]) == key.sign([1, 2, 3]))
    guard case .public(let publicKey) = try KeyFile(path: path + ".pub") else {
      Issue.record("not a public key")
      return
    }
    #expect(publicKey == key.publicKey)
    let before = try folder.read("key")
    #expect(message { try KeyFile.write(SigningKey.generate(), to: path) }.contains("exists"))
    #expect(try folder.read("key") == before)
    unlink(path)
    #expect(message { try KeyFile.write(SigningKey.generate(), to: path) }.contains("exists"))
    #expect(folder.contents == ["key.pub"])
    // What a killed one left behind does not stand in the way.
    try folder.write("other.partial", [1])
    try folder.write("other.pub.partial", [1])
    try KeyFile.write(key, to: folder.path("other"))
    #expect(folder.contents == ["key.pub", "other", "other.pub"])
    #expect(stat(folder.path("other"), &status) == 0 && status.st_mode & 0o777 == 0o600)
    // A link to nowhere is something that exists.
    #expect(symlink("nowhere", folder.path("link")) == 0)
    #expect(message { try KeyFile.write(key, to: folder.path("link")) }.contains("exists"))
    #expect(folder.contents == ["key.pub", "link", "other", "other.pub"])
  }

  /// RFC 8032, 7.1, test 2.
  @Test func aPublishedVector() throws {
    let seed = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"
    let publicKey = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    let halves = [
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da",
      "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ]
    try folder.write("key", Array("vial-secret-key-1\n\(seed)".utf8))
    guard case .secret(let key) = try KeyFile(path: folder.path("key")) else {
      Issue.record("not a secret key")
      return
    }
    func hexadecimal(_ bytes: [UInt8]) -> String {
      bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }
    #expect(hexadecimal(key.publicKey) == publicKey)
    #expect(hexadecimal(key.sign([0x72])) == halves.joined())
  }

  @Test func filesThatAreNoKeys() throws {
    let digits = String(repeating: "0123456789abcdef", count: 4)
    for text in [
      "", "vial-secret-key-1\n", "vial-secret-key-2\n\(digits)\n",
      "vial-secret-key-1\n\(digits)\n\n",
      "vial-secret-key-1\n\(digits.dropLast())g\n", "vial-secret-key-1\n\(digits.uppercased())\n",
      "vial-secret-key-1 \(digits)\n", "vial-public-key-1\n\(digits.dropLast())\n",
      "vial-public-key-1\n\(digits) ",
    ] {
      try folder.write("key", Array(text.utf8))
      let said = message { _ = try KeyFile(path: folder.path("key")) }
      #expect(said.contains("not a key"), "\(text)")
      #expect(!said.contains("0123"))
    }
    #expect(message { _ = try KeyFile(path: folder.path) }.contains("directory"))
  }
}

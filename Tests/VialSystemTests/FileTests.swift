// Mapping, reading and atomic writing, good paths and bad ones.
import Foundation
import TestSupport
import Testing
import VialSystem

@Suite struct FileTests {
  let folder = TemporaryFolder()

  private func bytes(_ file: MappedFile) -> [UInt8] {
    Array(UnsafeRawBufferPointer(start: file.base, count: file.byteCount))
  }

  @Test(arguments: [MappedFile.Access.mapped, .copied])
  func mappingShowsTheBytes(access: MappedFile.Access) throws {
    let content = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    try folder.write("a", content)
    let file = try MappedFile(path: folder.path("a"), access: access)
    #expect(bytes(file) == content)
  }

  @Test func aCopyDoesNotFollowTheFile() throws {
    try folder.write("a", [1, 2, 3])
    let file = try MappedFile(path: folder.path("a"), access: .copied)
    truncate(folder.path("a"), 0)
    #expect(bytes(file) == [1, 2, 3])
  }

  @Test func badPathsAreErrorsInWords() throws {
    try folder.write("empty", [])
    mkfifo(folder.path("pipe"), 0o600)
    #expect(message { _ = try MappedFile(path: folder.path("none")) }.contains("No such file"))
    #expect(message { _ = try MappedFile(path: folder.path) }.contains("directory"))
    #expect(message { _ = try MappedFile(path: folder.path("empty")) }.contains("empty"))
    #expect(message { _ = try MappedFile(path: folder.path("pipe")) }.contains("regular"))
    #expect(message { _ = try MappedFile(path: folder.path("empty") + "/x") }.contains("director"))
  }

  @Test func readingRanges() throws {
    try folder.write("a", Array(0..<200))
    let reader = try FileReader(path: folder.path("a"))
    #expect(reader.byteCount == 200)
    var buffer = [UInt8](repeating: 0, count: 10)
    try buffer.withUnsafeMutableBytes { try reader.read(into: $0, at: 190) }
    #expect(buffer == Array(190..<200))
    for offset in [UInt64(191), 1 << 40, 1 << 63, .max, .max - 4] {
      #expect(throws: SystemError.self) {
        try buffer.withUnsafeMutableBytes { try reader.read(into: $0, at: offset) }
      }
    }
    #expect(try reader.readAll(limit: 200).count == 200)
    #expect(throws: SystemError.self) { try reader.readAll(limit: 199) }
  }

  @Test func atomicFileAppearsOnCommitOnly() throws {
    try folder.write("out", [9])
    let file = try AtomicFile(path: folder.path("out"))
    try [1, 2].withUnsafeBytes { try file.write(UnsafeRawBufferPointer(rebasing: $0[..<1]), at: 3) }
    #expect(try folder.read("out") == [9])
    try file.commit()
    #expect(try folder.read("out") == [0, 0, 0, 1])
    #expect(folder.contents == ["out"])
  }

  @Test func atomicFileLeavesNothingBehind() throws {
    do {
      let file = try AtomicFile(path: folder.path("out"))
      try [UInt8(1)].withUnsafeBytes { try file.write($0, at: 0) }
    }
    #expect(folder.contents == [])
    let abandoned = try AtomicFile(path: folder.path("out"))
    abandoned.abandon()
    abandoned.abandon()
    #expect(folder.contents == [])
    // The name is taken by a folder between begin and commit.
    let late = try AtomicFile(path: folder.path("out"))
    try FileManager.default.createDirectory(
      atPath: folder.path("out/x"), withIntermediateDirectories: true)
    #expect(throws: SystemError.self) { try late.commit() }
    #expect(folder.contents == ["out"])
    #expect(throws: SystemError.self) { try AtomicFile(path: folder.path("out")) }
    #expect(throws: SystemError.self) { try AtomicFile(path: folder.path("none/out")) }
  }

  @Test func aFullDiskIsAnError() throws {
    try #require(FileManager.default.fileExists(atPath: "/dev/full"))
    #expect(message { _ = try AtomicFile(path: "/dev/full") }.contains("regular"))
    let file = try AtomicFile(path: folder.path("out"))
    #expect(throws: SystemError.self) {
      try [UInt8(1)].withUnsafeBytes { try file.write($0, at: 1 << 63) }
    }
  }
}

// Files that grow by records: whose they are, who may write, what a killed writer leaves.
import Foundation
import TestSupport
import Testing
import VialSystem

@Suite struct AppendFileTests {
  let folder = TemporaryFolder()

  private func mode(_ name: String) -> mode_t {
    var status = stat()
    return stat(folder.path(name), &status) == 0 ? status.st_mode & 0o7777 : 0
  }

  @Test func newFilesAreTheOwnersAlone() throws {
    try AppendFile(path: folder.path("log")).append([1].span)
    #expect(mode("log") == 0o600)
    // One that somebody shared stays shared.
    chmod(folder.path("log"), 0o640)
    let file = try AppendFile(path: folder.path("log"))
    file.keep(1)
    try file.append([2].span)
    try file.synchronize()
    #expect(mode("log") == 0o640)
    #expect(try folder.read("log") == [1, 2])
  }

  @Test func whatIsNotKeptGoesWithTheFirstRecord() throws {
    try folder.write("log", [1, 2, 3, 4, 5])
    let file = try AppendFile(path: folder.path("log"))
    #expect(try folder.read("log").count == 5)
    file.keep(2)
    try file.append([9, 9].span)
    #expect(try folder.read("log") == [1, 2, 9, 9])
  }

  @Test func oneWriterAtATimeUnderAnyName() throws {
    #expect(symlink("log", folder.path("link")) == 0)
    var first: AppendFile? = try AppendFile(path: folder.path("link"))
    try first?.append([1].span)
    #expect(folder.contents == ["link", "log"])
    for name in ["log", "link"] {
      #expect(message { _ = try AppendFile(path: folder.path(name)) }.contains("another program"))
    }
    first = nil
    #expect(message { _ = try AppendFile(path: folder.path("log")) } == "")
    #expect(try folder.read("log") == [1])
  }

  @Test func otherThingsAreRefused() throws {
    mkfifo(folder.path("pipe"), 0o600)
    #expect(message { _ = try AppendFile(path: folder.path("pipe")) }.contains("regular"))
    #expect(message { _ = try AppendFile(path: folder.path) }.contains("directory"))
    #expect(message { _ = try AppendFile(path: folder.path("none/log")) }.contains("No such"))
    #expect(message { _ = try AppendFile(path: "/dev/null") }.contains("regular"))
  }
}

// Who writes a name, what others see meanwhile, what is left behind: files that are written aside
// and renamed.
import Foundation
import TestSupport
import Testing
import VialSystem

@Suite struct AtomicFileTests {
  let folder = TemporaryFolder()

  private func write(_ bytes: [UInt8], _ file: AtomicFile) throws {
    try bytes.withUnsafeBytes { try file.write($0, at: 0) }
  }

  private func mode(_ name: String) -> mode_t {
    var status = stat()
    return lstat(folder.path(name), &status) == 0 ? status.st_mode & 0o7777 : 0
  }

  /// The mode that this process's new files get.
  private func newMode() throws -> mode_t {
    close(open(folder.path("probe"), O_CREAT | O_WRONLY, 0o666))
    defer { unlink(folder.path("probe")) }
    return mode("probe")
  }

  @Test func oneWriterOfANameAtATime() throws {
    let first = try AtomicFile(path: folder.path("out"))
    try write([1, 2, 3], first)
    #expect(
      message { _ = try AtomicFile(path: folder.path("out")) }.contains(
        "another program is writing it"))
    // The one that was refused took nothing away.
    #expect(folder.contents == ["out.partial"])
    try first.commit()
    #expect(try folder.read("out") == [1, 2, 3])
    let next = try AtomicFile(path: folder.path("out"))
    try write([4], next)
    try next.commit()
    #expect(try folder.read("out") == [4])
    #expect(folder.contents == ["out"])
  }

  @Test func replacingAndChangingInPlaceKeepEachOtherOut() throws {
    try folder.write("out", [9])
    do {
      let new = try AtomicFile(path: folder.path("out"))
      #expect(message { _ = try InPlaceFile(path: folder.path("out")) }.contains("another program"))
      new.abandon()
    }
    do {
      let changed = try InPlaceFile(path: folder.path("out"))
      #expect(message { _ = try AtomicFile(path: folder.path("out")) }.contains("another program"))
      #expect(folder.contents == ["out"])
      // Its own holder may replace it.
      let new = try AtomicFile(replacing: changed)
      try write([1], new)
      try new.commit()
    }
    #expect(try folder.read("out") == [1])
    #expect(message { _ = try InPlaceFile(path: folder.path("out")) } == "")
  }

  /// Half-way from one name to the next the lock still holds.
  @Test func nobodyComesBetweenTheNameAndTheEnd() throws {
    let file = try AtomicFile(path: folder.path("out"))
    try write([1], file)
    var said = ""
    try file.commit(whileLocked: {
      said = message { _ = try AtomicFile(path: folder.path("out")) }
      #expect((try? folder.read("out")) == [1])
    })
    #expect(said.contains("another program"))
  }

  @Test func leftoversOfDeadWritersGo() throws {
    try folder.write("out.partial", [5, 5, 5, 5, 5])
    chmod(folder.path("out.partial"), 0o644)
    let file = try AtomicFile(path: folder.path("out"))
    #expect(mode("out.partial") == 0o600)
    try write([1], file)
    try file.commit()
    #expect(try folder.read("out") == [1])
    #expect(folder.contents == ["out"])
  }

  /// Whatever has the name of the unfinished file, nothing else is written or removed.
  @Test func whatLiesInTheWayIsNotFollowed() throws {
    try folder.write("victim", [7])
    let partial = folder.path("out.partial")
    let makers: [() -> Int32] = [
      { symlink(self.folder.path("victim"), partial) },
      { link(self.folder.path("victim"), partial) },
      { mkfifo(partial, 0o644) }, { symlink("nowhere", partial) },
    ]
    for make in makers {
      #expect(make() == 0)
      let file = try AtomicFile(path: folder.path("out"))
      try write([1], file)
      try file.commit()
      #expect(try folder.read("victim") == [7])
      #expect(try folder.read("out") == [1])
      #expect(folder.contents == ["out", "victim"])
    }
    mkdir(partial, 0o755)
    #expect(message { _ = try AtomicFile(path: folder.path("out")) }.contains("directory"))
    #expect(try folder.read("out") == [1])
  }

  /// Somebody who takes a live writer's file for a leftover does not get half of another's under
  /// the name.
  @Test func anUnfinishedFileThatWasTakenAwayIsNoted() throws {
    let first = try AtomicFile(path: folder.path("out"))
    try write([1], first)
    unlink(folder.path("out.partial"))
    let second = try AtomicFile(path: folder.path("out"))
    try write([2], second)
    #expect(message { try first.commit() }.contains("took its unfinished file away"))
    #expect(folder.contents == ["out.partial"])
    try second.commit()
    #expect(try folder.read("out") == [2])
    #expect(folder.contents == ["out"])
  }

  @Test func inPlaceAStrangersFileIsNotReplaced() throws {
    try folder.write("out", [1])
    let held = try InPlaceFile(path: folder.path("out"))
    let new = try AtomicFile(replacing: held)
    try write([2], new)
    try folder.write("other", [3])
    #expect(rename(folder.path("other"), folder.path("out")) == 0)
    #expect(message { try new.commit() }.contains("replaced"))
    #expect(try folder.read("out") == [3])
    #expect(folder.contents == ["out"])
  }

  @Test func linksAreFollowedAndStay() throws {
    mkdir(folder.path("sub"), 0o755)
    try folder.write("sub/real", [9])
    #expect(symlink("sub/real", folder.path("relative")) == 0)
    #expect(symlink(folder.path("relative"), folder.path("absolute")) == 0)
    #expect(symlink("sub", folder.path("folder")) == 0)
    for (number, name) in ["relative", "absolute", "folder/real", "sub/real"].enumerated() {
      let file = try AtomicFile(path: folder.path(name))
      // Under every name it is the same file.
      for other in ["relative", "absolute", "folder/real", "sub/real"] {
        #expect(
          message { _ = try AtomicFile(path: folder.path(other)) }.contains("another program"))
      }
      try write([UInt8(number)], file)
      #expect(FileManager.default.fileExists(atPath: folder.path("sub/real.partial")))
      try file.commit()
      #expect(try folder.read("sub/real") == [UInt8(number)])
      #expect(folder.contents == ["absolute", "folder", "relative", "sub"])
    }
    for name in ["relative", "absolute"] {
      #expect(
        (try? FileManager.default.destinationOfSymbolicLink(atPath: folder.path(name))) != nil)
    }
    // A link to nothing yet names what is made.
    #expect(symlink("sub/new", folder.path("dangling")) == 0)
    let file = try AtomicFile(path: folder.path("dangling"))
    try write([5], file)
    try file.commit()
    #expect(try folder.read("sub/new") == [5])
    #expect(symlink("loop", folder.path("loop")) == 0)
    #expect(message { _ = try AtomicFile(path: folder.path("loop")) }.contains("symbolic links"))
    #expect(FileNames.areSame(folder.path("absolute"), folder.path("folder/real")))
    #expect(link(folder.path("sub/real"), folder.path("hard")) == 0)
    #expect(!FileNames.areSame(folder.path("hard"), folder.path("sub/real")))
    #expect(!FileNames.areSame(folder.path("none"), folder.path("none")))
  }

  @Test func unfinishedFilesAreTheOwnersAlone() throws {
    try folder.write("out", [9])
    for old in [0o644, 0o600, 0o640, 0o604, 0o444, 0o755] as [mode_t] {
      chmod(folder.path("out"), old)
      let file = try AtomicFile(path: folder.path("out"))
      #expect(mode("out.partial") == 0o600)
      try write([1], file)
      try file.commit()
      #expect(mode("out") == old)
    }
    unlink(folder.path("out"))
    let file = try AtomicFile(path: folder.path("out"))
    #expect(mode("out.partial") == 0o600)
    try file.commit()
    #expect(mode("out") == (try newMode()))
  }

  /// Permissions that change meanwhile count, too; owner and group stay where that is allowed.
  @Test func attributesAreThoseOfTheReplacedFileInTheEnd() throws {
    try folder.write("out", [9])
    let isSuperuser = geteuid() == 0
    if isSuperuser { #expect(chown(folder.path("out"), 4711, 4712) == 0) }
    let file = try AtomicFile(path: folder.path("out"))
    chmod(folder.path("out"), 0o640)
    try file.commit()
    var status = stat()
    #expect(stat(folder.path("out"), &status) == 0)
    #expect(status.st_mode & 0o7777 == 0o640)
    if isSuperuser { #expect(status.st_uid == 4711 && status.st_gid == 4712) }
  }

  #if os(Linux)
    private typealias SetAttribute =
      @convention(c) (
        UnsafePointer<CChar>, UnsafePointer<CChar>, UnsafeRawPointer, Int, Int32
      ) -> Int32
    private typealias GetAttribute =
      @convention(c) (UnsafePointer<CChar>, UnsafePointer<CChar>, UnsafeMutableRawPointer, Int) ->
      Int

    /// A named user that may read the file may read what replaces it; the group's bits alone would
    /// let its group in.
    @Test func accessListsStay() throws {
      // <sys/xattr.h> is in no module.
      let set = unsafeBitCast(try #require(dlsym(nil, "setxattr")), to: SetAttribute.self)
      let get = unsafeBitCast(try #require(dlsym(nil, "getxattr")), to: GetAttribute.self)
      let name = "system.posix_acl_access"
      // acl(5) as <linux/posix_acl_xattr.h> has it: owner rw, user 12345 r, group nothing, mask r,
      // others nothing.
      let list: [UInt8] =
        [2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 4, 0, 0x39, 0x30, 0, 0]
        + [4, 0, 0, 0, 255, 255, 255, 255, 16, 0, 4, 0, 255, 255, 255, 255]
        + [32, 0, 0, 0, 255, 255, 255, 255]
      try folder.write("out", [9])
      // Some file systems have no access lists.
      guard set(folder.path("out"), name, list, list.count, 0) == 0 else { return }
      for isInPlace in [false, true] {
        let held = isInPlace ? try InPlaceFile(path: folder.path("out")) : nil
        let file =
          try held.map { try AtomicFile(replacing: $0) } ?? AtomicFile(path: folder.path("out"))
        try write([1], file)
        try file.commit()
        var found = [UInt8](repeating: 0, count: 100)
        let count = get(folder.path("out"), name, &found, found.count)
        #expect(count == list.count)
        #expect(Array(found.prefix(list.count)) == list)
        #expect(mode("out") == 0o640)
      }
    }
  #endif

  /// Many writers at once: who succeeds wrote a whole file, who does not says so, and a reader
  /// never sees a mixture.
  @Test func racingWritersNeverMix() async throws {
    let (length, rounds) = (300_000, 60)
    try folder.write("out", [UInt8](repeating: 255, count: length))
    let folder = self.folder.path
    let counts = await withTaskGroup(of: (Int, Int).self) { group in
      for writer in 0..<6 {
        group.addTask {
          var (done, refused) = (0, 0)
          for _ in 0..<rounds {
            do throws(SystemError) {
              let file = try AtomicFile(path: folder + "/out")
              let bytes = [UInt8](repeating: UInt8(writer), count: length / 3)
              for part in 0..<3 {
                try Self.write(bytes, file, at: UInt64(part * bytes.count))
              }
              try file.commit()
              done += 1
            } catch {
              #expect("\(error)".contains("another program"), "\(error)")
              refused += 1
            }
          }
          return (done, refused)
        }
      }
      group.addTask {
        for _ in 0..<rounds {
          let bytes = FileManager.default.contents(atPath: folder + "/out") ?? Data()
          #expect(bytes.count == length)
          #expect(Set(bytes).count == 1)
        }
        return (0, 0)
      }
      return await group.reduce(into: (0, 0)) { $0 = ($0.0 + $1.0, $0.1 + $1.1) }
    }
    #expect(counts.0 > 0)
    #expect(counts.0 + counts.1 == 6 * rounds)
    #expect(self.folder.contents == ["out"])
  }

  private static func write(
    _ bytes: [UInt8], _ file: AtomicFile, at offset: UInt64
  ) throws(SystemError) {
    var failure: SystemError?
    bytes.withUnsafeBytes { buffer in
      do throws(SystemError) { try file.write(buffer, at: offset) } catch { failure = error }
    }
    if let failure { throw failure }
  }
}

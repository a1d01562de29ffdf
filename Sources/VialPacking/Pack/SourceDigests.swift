// Owns: SHA-256 of every file that a pack was made from, for provenance.
// Must not: keep a file in memory.
// One file's digest cannot be split over threads, so it is taken bit by bit while the weights are
// encoded, some files side by side.

import Synchronization
import VialFormat
import VialSystem

/// Digests of the files of a checkpoint in the making.
final class SourceDigests: Sendable {
  private static let chunkByteCount = 1 << 20

  /// Bytes of all files.
  let byteCount: UInt64
  private let files: [SourceFile]
  private let lanes: [Lane]
  private let nextFile = Atomic<Int>(0)
  private let done = Atomic<UInt64>(0)
  private let results = Mutex<[Int: Digest]>([:])
  private let firstFailure = Mutex<PackingError?>(nil)

  /// A file in progress. Used by one worker at a time.
  private final class Lane: @unchecked Sendable {
    var file: Int?
    var offset: UInt64 = 0
    var hash = SHA256()
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: chunkByteCount, alignment: 64)

    deinit { buffer.deallocate() }
  }

  /// Digests of `files`, with half of the workers at most, because the others have weights to
  /// encode.
  ///
  /// Files are taken in the order of their names, which is about the order of the weights: what is
  /// encoded was just read, or will be soon.
  init(_ files: [SourceFile], workerCount: Int) {
    self.files = files.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    byteCount = files.reduce(0) { $0 + $1.byteCount }
    lanes = (0..<max(1, min(files.count, workerCount / 2))).map { _ in Lane() }
  }

  /// Files that are hashed side by side.
  var laneCount: Int { lanes.count }

  /// Bytes hashed so far.
  var completedByteCount: UInt64 { done.load(ordering: .relaxed) }

  /// Why a file could not be read.
  var failure: PackingError? { firstFailure.withLock { $0 } }

  /// Hashes about a lane's share of `byteCount` more bytes. Does nothing for lanes that there are
  /// not.
  func advance(lane index: Int, by byteCount: UInt64) {
    guard index < lanes.count else { return }
    let lane = lanes[index]
    var left = byteCount / UInt64(lanes.count) + 1
    while left > 0, failure == nil {
      guard let file = lane.file ?? openNext(lane) else { return }
      do throws(PackingError) {
        left -= min(left, try advance(lane, files[file]))
      } catch {
        firstFailure.withLock { $0 = $0 ?? error }
      }
    }
  }

  private func openNext(_ lane: Lane) -> Int? {
    let file = nextFile.add(1, ordering: .relaxed).oldValue
    guard file < files.count else { return nil }
    (lane.file, lane.offset, lane.hash) = (file, 0, SHA256())
    return file
  }

  /// Hashes the next chunk of the lane's file; returns its length, at least 1 so that empty files
  /// count.
  private func advance(_ lane: Lane, _ file: SourceFile) throws(PackingError) -> UInt64 {
    let count = min(UInt64(Self.chunkByteCount), file.byteCount - lane.offset)
    let chunk = UnsafeMutableRawBufferPointer(rebasing: lane.buffer[..<Int(count)])
    try file.read(into: chunk, at: lane.offset)
    lane.hash.update(UnsafeRawBufferPointer(chunk).bytes)
    lane.offset += count
    done.add(count, ordering: .relaxed)
    if lane.offset == file.byteCount, let index = lane.file {
      let digest = lane.hash.finalize()
      results.withLock { $0[index] = digest }
      lane.file = nil
    }
    return max(1, count)
  }

  /// Hashes what is left on all lanes of `pool`, which has as many workers as were announced.
  func finish(_ pool: ThreadPool, observer: PackObserver) throws(PackingError) -> [String] {
    while true {
      if let lines = lines() { return lines }
      pool.run { advance(lane: $0, by: UInt64(64 << 20) * UInt64(laneCount)) }
      if let failure { throw failure }
      observer.progress(
        .init(
          stage: "hashing the source", completedByteCount: completedByteCount,
          totalByteCount: byteCount))
      if observer.shouldStop() { throw PackingError.cancelled }
    }
  }

  /// `"sha256  name"` for each file, as sha256sum writes it, sorted by name; nil before all are
  /// done.
  func lines() -> [String]? {
    let digests = results.withLock { $0 }
    guard digests.count == files.count else { return nil }
    return files.indices.compactMap { index in digests[index].map { "\($0)  \(files[index].name)" }
    }
  }
}

// SHA-256 of every file that a pack was made from, for provenance: files side by side on the pool.
// Must not: keep a file in memory.

import Synchronization
import VialFormat
import VialSystem

/// Digests of the files of a checkpoint.
enum SourceDigests {
  private static let chunkByteCount = 4 << 20

  /// `"sha256  name"` for each file, as sha256sum writes it, sorted by name.
  ///
  /// - Parameter report: called on the calling thread with the bytes hashed so far; returns false to stop.
  static func compute(
    _ files: [SourceFile], pool: ThreadPool, report: (UInt64) -> Bool
  ) throws(PackingError) -> [String] {
    let sorted = files.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    // The largest first, so that the threads end together.
    let order = sorted.indices.sorted { sorted[$0].byteCount > sorted[$1].byteCount }
    let results = Mutex<[Int: Result<Digest, PackingError>]>([:])
    let next = Atomic<Int>(0)
    let done = Atomic<UInt64>(0)
    let stops = Atomic<Bool>(false)
    pool.run { worker in
      while !stops.load(ordering: .relaxed) {
        let position = next.add(1, ordering: .relaxed).oldValue
        guard position < order.count else { break }
        let index = order[position]
        let result = hash(sorted[index]) { byteCount in
          let total = done.add(UInt64(byteCount), ordering: .relaxed).newValue
          if worker == 0, !report(total) { stops.store(true, ordering: .relaxed) }
          return !stops.load(ordering: .relaxed)
        }
        results.withLock { $0[index] = result }
      }
    }
    if stops.load(ordering: .relaxed) { throw .cancelled }
    let digests = results.withLock { $0 }
    var out: [String] = []
    for (index, file) in sorted.enumerated() {
      switch digests[index] {
      case .success(let digest): out.append("\(digest)  \(file.name)")
      case .failure(let error): throw error
      case nil: throw .cancelled
      }
    }
    return out
  }

  private static func hash(
    _ file: SourceFile, step: (Int) -> Bool
  ) -> Result<Digest, PackingError> {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: chunkByteCount, alignment: 64)
    defer { buffer.deallocate() }
    var hash = SHA256()
    var offset: UInt64 = 0
    while offset < file.byteCount {
      let count = Int(min(UInt64(chunkByteCount), file.byteCount - offset))
      let chunk = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
      do throws(PackingError) { try file.read(into: chunk, at: offset) } catch {
        return .failure(error)
      }
      hash.update(UnsafeRawBufferPointer(chunk).bytes)
      offset += UInt64(count)
      guard step(count) else { return .failure(.cancelled) }
    }
    return .success(hash.finalize())
  }
}

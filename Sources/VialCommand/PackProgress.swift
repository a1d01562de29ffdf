// Temporary
import Foundation
import Synchronization
import VialPacking
import VialSystem
final class PackProgress: Sendable {
  private let last = Mutex<Double>(0)
  func show(_ p: PackObserver.Progress) {
    let now = MonotonicClock.seconds
    let due = last.withLock { if now - $0 > 1 { $0 = now; return true } else { return false } }
    if due { say("\(p.stage): \(p.completedByteCount * 100 / max(1, p.totalByteCount))%") }
  }
  func finish() {}
  func say(_ line: String) { FileHandle.standardError.write(Data((line + "\n").utf8)) }
}

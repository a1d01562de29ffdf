// Progress on stderr: one line that is drawn over on a terminal, a plain line every few seconds elsewhere; both
// with rate and time left. Must not: write to stdout, or say anything after `finish` but what it is told.

import Synchronization
import VialPacking
import VialSystem

/// Shows the stages of a pack.
final class PackProgress: Sendable {
  private struct State {
    var stage = ""
    var stageStart = 0.0
    var lastShown = 0.0
    var isLineOpen = false
  }

  private static let barWidth = 24

  private let isTerminal = StandardError.isTerminal
  private let state = Mutex(State())

  /// Shows progress when it is due: five times a second on a terminal, every five seconds elsewhere.
  func show(_ progress: PackObserver.Progress) {
    let now = MonotonicClock.seconds
    state.withLock { state in
      if state.stage != progress.stage {
        state.stage = progress.stage
        state.stageStart = now
        // Short stages elsewhere than on a terminal go unmentioned.
        state.lastShown = isTerminal ? 0 : now
      }
      guard now - state.lastShown >= (isTerminal ? 0.2 : 5) else { return }
      state.lastShown = now
      let text = Self.text(progress, seconds: now - state.stageStart, bar: isTerminal)
      if isTerminal {
        // Carriage return, then erase to the end of the line.
        StandardError.write(bytes: Array("\r\(text)\u{1B}[K".utf8).span)
        state.isLineOpen = true
      } else {
        StandardError.write(text)
      }
    }
  }

  /// Removes the drawn line.
  func finish() {
    state.withLock { state in
      if state.isLineOpen { StandardError.write(bytes: Array("\r\u{1B}[K".utf8).span) }
      state.isLineOpen = false
    }
  }

  /// Says one line beside the progress.
  func say(_ line: String) {
    finish()
    StandardError.write("vial: " + line)
  }

  /// `packing the weights [######------]  48% 1.2 of 2.6 GB, 310 MB/s, 4 s left`
  private static func text(
    _ progress: PackObserver.Progress, seconds: Double, bar: Bool
  ) -> String {
    let total = Double(max(1, progress.totalByteCount))
    let done = min(Double(progress.completedByteCount), total)
    let filled = Int(done / total * Double(barWidth))
    var text = progress.stage
    if bar {
      text += " [" + String(repeating: "#", count: filled)
      text += String(repeating: "-", count: barWidth - filled) + "]"
    }
    text += " \(Int(done / total * 100))%"
    text += " of \(size(total))"
    guard seconds > 0.5, done > 0 else { return text }
    let rate = done / seconds
    return text + ", \(size(rate))/s, \(duration((total - done) / rate)) left"
  }

  /// `1.5 GB`, `310 MB`, `12 kB`.
  static func size(_ byteCount: Double) -> String {
    for (unit, name) in [(1e9, "GB"), (1e6, "MB"), (1e3, "kB")] where byteCount >= unit {
      let value = byteCount / unit
      return value < 10
        ? "\((value * 10).rounded() / 10) \(name)" : "\(Int(value.rounded())) \(name)"
    }
    return "\(Int(byteCount)) bytes"
  }

  /// `42 s`, `3 min 20 s`.
  private static func duration(_ seconds: Double) -> String {
    let whole = Int(min(seconds, 1e6).rounded(.up))
    return whole < 60 ? "\(whole) s" : "\(whole / 60) min \(whole % 60) s"
  }
}

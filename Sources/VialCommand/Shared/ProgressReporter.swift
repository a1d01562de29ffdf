// Owns: the progress of long commands on stderr: a bar on a terminal, a plain line now and then
// elsewhere; rate and time left.
// Must not: know what is done, or write to stdout.

import Synchronization
import VialSystem

/// Shows how far a job is. Safe to call from several threads.
///
/// A terminal gets one line that is redrawn ten times a second at most; a log gets a line every ten
/// seconds. A job that takes less than a moment shows nothing.
final class ProgressReporter: Sendable {
  private struct State {
    var stage = ""
    var stageStart = 0.0
    var stageStartCount: UInt64 = 0
    var lastShown = 0.0
    var isLineOpen = false
  }

  private let state = Mutex(State())
  private let isTerminal: Bool
  private let unit: ProgressUnit

  init(unit: ProgressUnit = .bytes, isTerminal: Bool = StandardError.isTerminal) {
    self.unit = unit
    self.isTerminal = isTerminal
  }

  /// Reports `done` of `total` bytes (or what the unit is) of a stage, whose rate is counted from
  /// its first report.
  func update(_ stage: String, done: UInt64, total: UInt64) {
    let now = MonotonicClock.seconds
    let line: String? = state.withLock { state in
      if state.stage != stage {
        state = State(
          stage: stage, stageStart: now, stageStartCount: done, lastShown: now,
          isLineOpen: state.isLineOpen)
        return nil
      }
      guard now - state.lastShown >= (isTerminal ? 0.1 : 10) else { return nil }
      state.lastShown = now
      state.isLineOpen = isTerminal
      let seconds = now - state.stageStart
      return ProgressLine(
        stage: stage, done: done, total: total, seconds: seconds,
        rate: Double(done - min(done, state.stageStartCount)) / max(seconds, 0.001), unit: unit
      ).text(hasBar: isTerminal)
    }
    guard let line else { return }
    if isTerminal {
      StandardError.write(bytes: Array("\r\u{1B}[K\(line)".utf8).span)
    } else {
      StandardError.write(line)
    }
  }

  /// Clears the bar, so that something else can be written.
  func finish() {
    let wasOpen = state.withLock { state in
      defer { state.isLineOpen = false }
      return state.isLineOpen
    }
    if wasOpen { StandardError.write(bytes: Array("\r\u{1B}[K".utf8).span) }
  }

  /// Writes one line without tearing the bar.
  func say(_ line: String) {
    finish()
    StandardError.write(line)
  }
}

/// What a job's progress is counted in.
enum ProgressUnit: Sendable {
  case bytes
  /// Things of this name in the plural.
  case things(String)
  /// Work that has no unit to show, only a share that is done.
  case work

  fileprivate func amount(_ done: UInt64, of total: UInt64) -> String {
    switch self {
    case .bytes: " \(ByteText.text(done)) of \(ByteText.text(total))"
    case .things(let name):
      " \(ByteText.grouped(done)) of \(ByteText.grouped(total)) \(name)"
    case .work: ""
    }
  }

  fileprivate func rate(_ rate: Double) -> String {
    switch self {
    case .bytes: ", \(ByteText.text(UInt64(rate)))/s"
    case .things: ", \(ByteText.fixed(rate, rate < 10 ? 1 : 0))/s"
    case .work: ""
    }
  }
}

/// One state of a job in words.
struct ProgressLine {
  let stage: String
  let done: UInt64
  let total: UInt64
  let seconds: Double
  /// Per second.
  let rate: Double
  let unit: ProgressUnit

  /// `packing weights [######----] 61% 1.9 of 3.1 GB, 412 MB/s, 3 s left`
  func text(hasBar: Bool) -> String {
    let fraction = total == 0 ? 1 : min(1, Double(done) / Double(total))
    var line = stage
    if hasBar {
      let filled = Int(fraction * 20)
      line +=
        " [" + String(repeating: "#", count: filled) + String(repeating: "-", count: 20 - filled)
        + "]"
    }
    line += " \(Int(fraction * 100))%\(unit.amount(done, of: total))"
    guard rate > 0 else { return line }
    line += unit.rate(rate)
    if done < total {
      line += ", \(ProgressLine.duration(Double(total - done) / rate)) left"
    }
    return line
  }

  /// `42 s`, `3 min 5 s`, `2 h 10 min`.
  static func duration(_ seconds: Double) -> String {
    let whole = Int(min(seconds, 3.6e8).rounded(.up))
    if whole < 60 { return "\(whole) s" }
    if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
    return "\(whole / 3600) h \(whole % 3600 / 60) min"
  }
}

/// Sizes for people.
enum ByteText {
  /// `913 B`, `64.0 kB`, `4.37 GB`: decimal units, three digits.
  static func text(_ byteCount: UInt64) -> String {
    guard byteCount >= 1000 else { return "\(byteCount) B" }
    var value = Double(byteCount)
    var unit = 0
    while value >= 999.5 && unit < 5 {
      value /= 1000
      unit += 1
    }
    let names = ["B", "kB", "MB", "GB", "TB", "PB"]
    return "\(fixed(value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0)) \(names[unit])"
  }

  /// A number with a fixed number of decimals.
  static func fixed(_ value: Double, _ decimals: Int) -> String {
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    guard value.isFinite, abs(value) < 1e15 else { return "\(value)" }
    let scaled = Int64((abs(value) * scale).rounded())
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard decimals > 0 else { return "\(sign)\(scaled)" }
    let digits = String(scaled % Int64(scale))
    let zeros = String(repeating: "0", count: decimals - digits.count)
    return "\(sign)\(scaled / Int64(scale)).\(zeros)\(digits)"
  }

  /// `1 234 567` as `1,234,567`.
  static func grouped(_ number: some BinaryInteger) -> String {
    var text = ""
    for (index, digit) in String(number).reversed().enumerated() {
      if index > 0 && index % 3 == 0 { text.append(",") }
      text.append(digit)
    }
    return String(text.reversed())
  }
}

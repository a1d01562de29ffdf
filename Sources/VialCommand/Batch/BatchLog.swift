// Owns: the answers file of a batch: whole lines only, none twice, also after a kill.
// Must not: ask anything.
//
// A line is written by one call and so is there or not when the process is killed; a line that a
// crash of the machine tore is dropped by the next run. Lines reach the disk every two seconds and
// at the end (fsync).

import VialEngine
import VialSystem
import VialText

/// Who an answer is of.
struct BatchKey {
  /// Line of the requests file, from 1.
  let line: Int
  /// Of the line's bytes, the model and the settings.
  let digest: String
  /// As JSON.
  let id: String
}

/// Answers that were there, and a place for new ones. A file that it makes is its owner's alone.
final class BatchLog {
  /// What an earlier run wrote for a line.
  struct Earlier {
    let digest: String
    let hasFailed: Bool
  }

  /// By line of the requests file.
  private(set) var earlier: [Int: Earlier] = [:]
  private let file: AppendFile
  private let path: String
  private var lastSynchronized = MonotonicClock.seconds
  private static let secondsBetween = 2.0

  init(path: String) throws {
    self.path = path
    file = try AppendFile(path: path)
    var kept: UInt64 = 0
    try LineFile(path: path).forEachLine { line, hasEnd, end in
      guard hasEnd else { return false }
      try self.note(line)
      kept = end
      return true
    }
    file.keep(kept)
  }

  private func note(_ line: [UInt8]?) throws {
    guard let line, let value = try? JSONReader.parse(line, limits: .ofConversations),
      let number = value["line"]?.integer, let digest = value["digest"]?.text,
      earlier[Int(number)] == nil
    else {
      throw CommandFailure("\(path) is not the answers of a batch; name another file")
    }
    earlier[Int(number)] = Earlier(
      digest: digest, hasFailed: value["error"].map { !$0.isNull } ?? false)
  }

  /// Whether a line was answered before; the answer to another line, of another model or with other
  /// settings in its place is an error.
  func hasAnswer(_ key: BatchKey) throws -> Bool {
    guard let answer = earlier[key.line] else { return false }
    guard answer.digest == key.digest else {
      throw CommandFailure(
        "\(path) has an answer to another line \(key.line), or of another model or settings; "
          + "name another file")
    }
    return true
  }

  /// Writes one answer.
  func append(_ line: String) throws {
    try file.append(Array((line + "\n").utf8).span)
    let now = MonotonicClock.seconds
    guard now - lastSynchronized >= Self.secondsBetween else { return }
    lastSynchronized = now
    try file.synchronize()
  }

  /// Everything reaches the disk.
  func finish() throws { try file.synchronize() }
}

/// An answer's line.
struct BatchAnswer {
  let key: BatchKey
  var text = ""
  var tokens: [UInt32] = []
  var reasoning = ""
  var reason = FinishReason.error.rawValue
  var error: String?
  /// Members about log-probabilities, as JSON; nil: none.
  var probabilities: String?

  /// The keys that README promises, and what the next run needs.
  var json: String {
    var output = JSONOutput()
    output.object { output in
      output.key("id")
      output.raw(key.id)
      output.member("text", text)
      output.member("tokens", ids: tokens.span)
      output.member("reasoning", reasoning)
      output.member("finish_reason", reason)
      if let probabilities { output.raw(probabilities) }
      output.key("error")
      if let error { output.value(error) } else { output.null() }
      output.member("line", key.line)
      output.member("digest", key.digest)
    }
    return output.text
  }
}

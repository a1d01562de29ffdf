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
  /// Of the line's bytes, the model and the settings, as files of 0.1 have it; where the line names
  /// a template or an adapter, of the whole file, too.
  let digest: String
  /// Of the line's bytes.
  let request: String
  /// What else the answer follows from.
  let origin: BatchOrigin
  /// As JSON.
  let id: String
}

/// Answers that were there, and a place for new ones. A file that it makes is its owner's alone.
final class BatchLog {
  /// What an earlier run wrote for a line.
  struct Earlier {
    let digest: String
    /// Of the request's bytes; empty in files of 0.1.
    let request: String
    /// The number of its origin; nil in files of 0.1.
    let origin: Int?
    let hasFailed: Bool
  }

  /// By line of the requests file.
  private(set) var earlier: [Int: Earlier] = [:]
  /// Origins of earlier answers: few, though answers may be many.
  private var origins: [BatchOrigin] = []
  private var originNumbers: [BatchOrigin: Int] = [:]
  /// nil while failed answers are dropped.
  private var file: AppendFile?
  private let path: String
  private var lastSynchronized = MonotonicClock.seconds
  private static let secondsBetween = 2.0

  init(path: String) throws {
    self.path = path
    try open()
  }

  private func open() throws {
    let file = try AppendFile(path: path)
    self.file = file
    earlier = [:]
    var kept: UInt64 = 0
    try LineFile(path: path).forEachLine { line, hasEnd, end in
      guard hasEnd else { return false }
      try self.note(line)
      kept = end
      return true
    }
    file.keep(kept)
  }

  /// Drops the answers that failed, so that their lines are tried again. The file is written anew
  /// aside: a kill leaves the old one or the new one.
  func dropFailed() throws {
    guard earlier.values.contains(where: \.hasFailed) else { return }
    // Its lock, too, which the new file's writer takes.
    file = nil
    let held = try InPlaceFile(path: path)
    let new = try AtomicFile(replacing: held)
    var offset: UInt64 = 0
    try LineFile(path: path).forEachLine { line, hasEnd, _ in
      guard hasEnd, let line else { return hasEnd }
      if Self.hasFailed(try? JSONReader.parse(line, limits: .ofConversations)) { return true }
      let bytes = line + [0x0A]
      try bytes.withUnsafeBytes { try new.write($0, at: offset) }
      offset += UInt64(bytes.count)
      return true
    }
    try new.commit()
    try open()
  }

  private static func hasFailed(_ answer: JSONValue?) -> Bool {
    answer?["error"].map { !$0.isNull } ?? false
  }

  private func note(_ line: [UInt8]?) throws {
    guard let line, let value = try? JSONReader.parse(line, limits: .ofConversations),
      let number = value["line"]?.integer, let digest = value["digest"]?.text,
      earlier[Int(number)] == nil
    else {
      throw CommandFailure("\(path) is not the answers of a batch; name another file")
    }
    earlier[Int(number)] = Earlier(
      digest: digest, request: value["request_digest"]?.text ?? "",
      origin: value["origin"].flatMap { BatchOrigin($0) }.map { originNumber(of: $0) },
      hasFailed: Self.hasFailed(value))
  }

  private func originNumber(of origin: BatchOrigin) -> Int {
    if let number = originNumbers[origin] { return number }
    originNumbers[origin] = origins.count
    origins.append(origin)
    return origins.count - 1
  }

  /// Whether a line was answered before; the answer to another line, of another model or with other
  /// settings in its place is an error.
  func hasAnswer(_ key: BatchKey) throws -> Bool {
    guard let answer = earlier[key.line] else { return false }
    let differences = differences(answer, key)
    guard !differences.isEmpty else { return true }
    let advice = answer.hasFailed ? "it failed: --retry-failed tries it again, or name" : "name"
    throw CommandFailure(
      "\(path) has an answer \(differences.joined(separator: ", ")); \(advice) another file")
  }

  private func differences(_ answer: Earlier, _ key: BatchKey) -> [String] {
    guard let number = answer.origin else {
      return answer.digest == key.digest
        ? [] : ["to another line \(key.line), or of another model or settings"]
    }
    let found =
      (answer.request == key.request ? [] : ["to another line \(key.line)"])
      + key.origin.differences(from: origins[number])
    return found
  }

  /// Writes one answer.
  func append(_ line: String) throws {
    guard let file else { return }
    try file.append(Array((line + "\n").utf8).span)
    let now = MonotonicClock.seconds
    guard now - lastSynchronized >= Self.secondsBetween else { return }
    lastSynchronized = now
    try file.synchronize()
  }

  /// Everything reaches the disk.
  func finish() throws { try file?.synchronize() }
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
      output.member("request_digest", key.request)
      key.origin.write(to: &output)
    }
    return output.text
  }
}

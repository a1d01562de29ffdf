// Owns: a batch under way: lines become requests, a number of them at once, and requests become
// lines.
// Must not: know flags.
// What is wrong with a line belongs to that line only.

import Vial
import VialCompute
import VialEngine
import VialFormat
import VialSystem
import VialText

/// How a batch is run.
struct BatchSettings {
  var isRaw: Bool
  var isOrdered: Bool
  /// Whether lines that failed in an earlier run are tried again.
  var retriesFailed: Bool
  /// Most requests at once.
  var parallelCount: Int
  var cacheType: String
  var defaults: GenerationOptions
}

/// Runs the lines of one file.
final class BatchJob {
  /// What came out.
  struct Summary {
    var answeredCount = 0
    var earlierCount = 0
    var failedCount = 0
    var tokenCount = 0
  }

  private let model: Model
  private let engine: Engine
  private let settings: BatchSettings
  private let log: BatchLog
  private let lines: LineFile
  private let progress = ProgressReporter(unit: .things("requests"))
  private var summary = Summary()
  private var keys: [ObjectIdentifier: (key: BatchKey, position: Int, report: BatchReport)] = [:]
  private var requests: [ObjectIdentifier: Request] = [:]
  /// Answers that wait for earlier ones, by position; only in order.
  private var held: [Int: BatchAnswer] = [:]
  private var requestCount = 0
  private var writtenCount = 0
  private var total = 0
  /// Formats of schemas that were told not to be kept.
  private var toldFormats: Set<String> = []
  private let salt: [UInt8]
  private let origin: BatchOrigin

  init(_ engine: Engine, settings: BatchSettings, lines: LineFile, log: BatchLog) {
    model = engine.model
    self.engine = engine
    self.settings = settings
    self.log = log
    self.lines = lines
    let parts: [String] = [
      model.file.modelDigest.description, settings.cacheType, "\(Arithmetic.version)",
      settings.isRaw ? "raw" : "chat", "\(settings.defaults.maximumTokens ?? -1)",
    ]
    salt = Array(parts.joined(separator: " ").utf8)
    origin = BatchOrigin(model, settings)
  }

  /// Answers every line that has no answer yet.
  func run() throws -> Summary {
    defer { progress.finish() }
    try lines.forEachLine { line, _, _ in
      if !(line?.isBlank ?? false) { total += 1 }
      return true
    }
    if settings.retriesFailed { try dropFailed() }
    var number = 0
    report()
    try lines.forEachLine { line, _, _ in
      number += 1
      if let line, line.isBlank { return true }
      try take(line, number)
      return try !stops()
    }
    while !requests.isEmpty, try !stops() { try waitForOne() }
    try log.finish()
    if let signal = SignalTrap.signalNumber { throw ExitStatus.interrupted(signal) }
    return summary
  }

  /// Drops answers that failed, once all others are known to be this batch's: a file of another
  /// one stays as it is.
  private func dropFailed() throws {
    var number = 0
    try lines.forEachLine { line, _, _ in
      number += 1
      guard let earlier = log.earlier[number], !earlier.hasFailed else { return true }
      let value = try? line.map { try JSONReader.parse($0, limits: .ofConversations) }
      _ = try log.hasAnswer(key(of: line ?? [], number, value, id: BatchID.none))
      return true
    }
    try log.dropFailed()
  }

  /// Why a job ends early.
  enum ExitStatus: Error {
    case interrupted(Int32)
  }

  /// Whether somebody asked to stop; then nothing that is under way is written.
  private func stops() throws -> Bool {
    guard SignalTrap.signalNumber != nil else { return false }
    for request in requests.values { request.close() }
    return true
  }

  private func take(_ line: [UInt8]?, _ number: Int) throws {
    let value = line.map { line in Result { try JSONReader.parse(line, limits: .ofConversations) } }
    var id = Result<String, BatchError>.success(BatchID.none)
    if let line, case .success(let value)? = value {
      id = Result { () throws(BatchError) in try BatchID.json(of: value, in: line) }
    }
    let key = key(
      of: line ?? [], number, try? value?.get(), id: (try? id.get()) ?? BatchID.none)
    if try log.hasAnswer(key) {
      summary.earlierCount += 1
      if log.earlier[number]?.hasFailed == true {
        summary.failedCount += 1
        progress.say("error: \(lines.path): line \(number): failed in an earlier run")
      }
      return report()
    }
    let position = requestCount
    requestCount += 1
    do {
      guard let value else { throw BatchError("the line is too long") }
      let request = try BatchRequest(value.get(), defaults: settings.defaults, engine: engine)
      _ = try id.get()
      tellUnkeptFormats(of: request)
      try submit(request, key, position)
    } catch let error as VialError {
      guard Self.isOfTheLine(error) else { throw error }
      try fail(key, position, "\(error)")
    } catch let error as BatchError {
      try fail(key, position, "\(error)")
    } catch let error as JSONError {
      // Sentences of the reader say what is wrong; those of syntax would be many words for "not
      // JSON".
      let isSyntax = error.kind == .syntax
      try fail(key, position, isSyntax ? "byte \(error.offset): not JSON" : "\(error)")
    }
  }

  private func key(
    of line: [UInt8], _ number: Int, _ value: JSONValue?, id: String
  ) -> BatchKey {
    var digest = SHA256()
    digest.update(salt + line)
    if let value, BatchRequest.usesOtherSections(value) {
      digest.update(model.file.fileDigest.bytes)
    }
    let short = { (digest: Digest) in String(digest.description.prefix(24)) }
    return BatchKey(
      line: number, digest: short(digest.finalize()), request: short(SHA256.hash(line.span.bytes)),
      origin: value.map { origin.of($0, in: model.file) } ?? origin, id: id)
  }

  private func tellUnkeptFormats(of request: BatchRequest) {
    let formats = request.options.grammar?.unkeptFormats ?? []
    let new = formats.filter { toldFormats.count < 64 && toldFormats.insert($0).inserted }
    for warning in UnkeptFormats.warnings(new) { progress.say(warning) }
  }

  /// Whether other lines may fare better.
  private static func isOfTheLine(_ error: VialError) -> Bool {
    switch error {
    case .promptTooLong, .emptyPrompt, .text, .invalidOption, .computation(.numericError),
      .computation(.noCandidate),
      .noChatTemplate:
      true
    default: false
    }
  }

  private func submit(_ request: BatchRequest, _ key: BatchKey, _ position: Int) throws {
    let tokens = try request.tokens(model, isRaw: settings.isRaw)
    // In order, finished answers wait for the slowest; their number has a bound, too.
    while requests.count >= settings.parallelCount
      || held.count >= 16 * settings.parallelCount && !requests.isEmpty
    {
      if try stops() { return }
      try waitForOne()
    }
    let submitted = try engine.submit(prompt: tokens, options: request.options)
    keys[ObjectIdentifier(submitted)] = (key, position, request.report)
    requests[ObjectIdentifier(submitted)] = submitted
  }

  /// Waits for the next event, or a moment.
  private func waitForOne() throws {
    guard case .event(let event, let request) = engine.nextEvent(timeout: 0.2),
      case .finished = event.kind
    else { return }
    let name = ObjectIdentifier(request)
    requests[name] = nil
    guard let (key, position, report) = keys.removeValue(forKey: name), let ending = request.ending
    else { return }
    if let failure = ending.failure {
      let error = VialError.computation(failure)
      guard Self.isOfTheLine(error) else { throw error }
      return try fail(key, position, "\(error)")
    }
    var answer = BatchAnswer(key, request)
    answer.probabilities = report.members(request)
    try write(answer, position)
  }

  private func fail(_ key: BatchKey, _ position: Int, _ sentence: String) throws {
    progress.say("error: \(lines.path): line \(key.line): \(sentence)")
    var answer = BatchAnswer(key: key)
    answer.error = sentence
    try write(answer, position)
  }

  private func write(_ answer: BatchAnswer, _ position: Int) throws {
    guard settings.isOrdered else { return try append(answer) }
    held[position] = answer
    while let next = held.removeValue(forKey: writtenCount) {
      writtenCount += 1
      try append(next)
    }
  }

  private func append(_ answer: BatchAnswer) throws {
    try log.append(answer.json)
    summary.tokenCount += answer.tokens.count
    if answer.error == nil { summary.answeredCount += 1 } else { summary.failedCount += 1 }
    newCount += 1
    report()
  }

  private var newCount = 0

  private func report() {
    progress.update(
      "answering", done: UInt64(summary.earlierCount + newCount), total: UInt64(total))
  }
}

extension BatchAnswer {
  /// What a request that ended has to say.
  fileprivate init(_ key: BatchKey, _ request: Request) {
    self.init(key: key)
    text = request.text(of: .answer)
    reasoning = request.text(of: .reasoning)
    reason = (request.ending?.reason ?? .error).rawValue
    var tokens: [UInt32] = []
    request.forEachToken { tokens.append($0) }
    self.tokens = tokens
  }
}

// Uses whatever opens in every way that a host would: nothing of it may trap, hang or read outside.
// Owns: the file that a hostile model is put into, and the memory limit of what a model may ask for.
import Vial
import VialEngine
import VialFormat
import VialModel
import VialSystem
import VialText

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What became of a hostile file.
public enum FileVerdict: Equatable, Sendable {
  /// Opening broke this rule.
  case refused(rule: Int)
  /// It opened, and verifying reported these rules.
  case opened(problems: [Int])
}

/// Uses files.
public enum ModelUse {
  /// Opens, verifies and uses a file; a model that binds also answers.
  @discardableResult
  public static func everything(_ bytes: [UInt8]) -> FileVerdict {
    var counts = TemplateUse()
    return everything(bytes, counting: &counts)
  }

  /// The same; adds what became of calls with the file's prompt templates.
  @discardableResult
  static func everything(_ bytes: [UInt8], counting counts: inout TemplateUse) -> FileVerdict {
    let verdict = descriptor(bytes)
    if case .opened = verdict { withPath(bytes) { run($0, &counts) } }
    return verdict
  }

  /// Opens from memory, and reads and verifies everything.
  @discardableResult
  public static func descriptor(_ bytes: [UInt8]) -> FileVerdict {
    adapters(bytes)
    let file: VialFile
    do throws(FormatError) {
      file = try FormatReader.open(ByteRegion(copying: bytes))
    } catch { return .refused(rule: error.rule) }
    dump(file)
    guard let report = try? Verifier(file).verify() else { fatalError("memory is short") }
    var problems = report.problems.map(\.rule)
    for section in file.sections {
      guard let region = file.storedBytes(of: section) else { continue }
      do throws(FormatError) {
        if section.kind == .tokenizer { _ = try Tokenizer(region) }
        if section.kind == .chatTemplate { _ = try ChatTemplate(region) }
      } catch { problems.append(error.rule) }
    }
    return .opened(problems: problems)
  }

  /// Reads the bytes as a file of adapters.
  private static func adapters(_ bytes: [UInt8]) {
    let region = ByteRegion(copying: bytes)
    _ = AdapterFile.isOne(region)
    guard let file = try? AdapterFile(region) else { return }
    for adapter in file.adapters {
      guard let stored = file.storedBytes(of: adapter) else {
        fatalError("an adapter is not found")
      }
      _ = try? AdapterFile.write(stored, id: adapter.section.id, to: MemorySink())
      for matrix in adapter.targets.flatMap(\.tensors) {
        _ = matrix.value(
          slice: 0, row: matrix.shape.rowCount - 1, column: matrix.shape.columnCount - 1)
      }
    }
  }

  private static func dump(_ file: VialFile) {
    _ = file.configurationTable.entries
    _ = (try? file.provenance())?.entries
    for text in TextSection.allCases { _ = try? file.text(text) }
    for index in 0..<file.tensors.count {
      let tensor = file.tensors[index]
      if file.tensors.find(tensor.name)?.index != index { fatalError("a tensor is not found") }
      _ = tensor.value(slice: 0, row: 0, column: 0)
      _ = tensor.value(
        slice: tensor.shape.sliceCount - 1, row: tensor.shape.rowCount - 1,
        column: tensor.shape.columnCount - 1)
    }
  }

  /// Whether a file opens as a model, and generates.
  public static func answers(_ bytes: [UInt8]) -> Bool {
    var answers = false
    var counts = TemplateUse()
    withPath(bytes) { answers = run($0, &counts) }
    return answers
  }

  /// Opens the model from its file and asks it; returns whether it answered.
  @discardableResult
  private static func run(_ path: String, _ counts: inout TemplateUse) -> Bool {
    guard let model = try? Model(path: path) else { return false }
    TextTargets.use(model.tokenizer, texts: TextTargets.texts)
    let question = Array("the <|user|> cafe\u{301}".utf8)
    let chat = try? model.chatTokens(user: question.span)
    var prompt = (chat.map { Array($0.span.prefix(8)) } ?? []) + [0, 1, 2]
    let limit = UInt32(clamping: model.file.configuration.vocabularySize)
    prompt = prompt.map { min($0, limit - 1) }
    var options = EngineOptions(compute: ComputeOptions(threadCount: 1, chunkSize: 16))
    options.cachePositionCount = model.promptTemplateCount > 0 ? 1024 : 20
    guard let engine = try? Engine(model: model, options: options),
      let tokens = SecureBuffer<UInt32>(capacity: prompt.count)
    else { return false }
    tokens.append(contentsOf: prompt.span)
    var generation = GenerationOptions(maximumTokens: 2, sampling: model.recommendedSampling)
    let request = try? engine.submit(prompt: tokens, options: generation)
    for adapter in model.adapters.prefix(4) {
      generation.adapter = try? model.adapter(named: adapter.name, scale: 2)
      let other = try? engine.submit(prompt: tokens, options: generation)
      while case .event(_)? = other?.nextEvent() {}
    }
    counts.run(model, engine)
    guard let request else { return false }
    while case .event(_) = request.nextEvent() {}
    return request.ending.map { $0.reason != .error } ?? false
  }

  /// A file of this process's own that holds `bytes` for the time of the call.
  private static func withPath(_ bytes: [UInt8], _ body: (String) -> Void) {
    let folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    let path = "\(folder)/vial-hostile-\(getpid())-\(pthread_self()).vial"
    let descriptor = creat(path, 0o600)
    guard descriptor >= 0 else { fatalError("cannot write \(path)") }
    let written = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    close(descriptor)
    defer { unlink(path) }
    guard written == bytes.count else { fatalError("cannot write \(path)") }
    body(path)
  }
}

extension Span where Element: BitwiseCopyable {
  /// The first elements, copied.
  fileprivate func prefix(_ count: Int) -> [Element] {
    (0..<Swift.min(count, self.count)).map { self[$0] }
  }
}

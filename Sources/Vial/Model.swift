// Owns: an opened model: file, tokenizer, chat template and weights, ready to be asked.
// Must not: compute. Everything here is immutable and shared between threads.

import VialEngine
public import VialFormat
public import VialModel
public import VialSystem
public import VialText

/// A model in a mapped `.vial` file.
public final class Model: Sendable {
  /// What the file holds.
  package let file: VialFile
  /// The file's tokenizer.
  public let tokenizer: Tokenizer
  /// The file's chat template, if it has one that was compiled.
  public let chatTemplate: ChatTemplate?
  package let weights: DecoderWeights
  let adapterSet: AdapterSet
  /// Whether the chat template ends a prompt inside the reasoning, once somebody asked.
  let knownOpening = Locked<Bool?>(nil)
  /// Numbers of the prompt templates' sections, in file order.
  let promptSections: [UInt32]
  /// Ids that begin and end reasoning, when the tokenizer has such tokens.
  let reasoningMarks: ReasoningMarks?

  /// Opens a file. O(sections + tensors): no weight is read, unless `verification` is `.whole`.
  /// - Parameters:
  ///   - path: of the `.vial` file.
  ///   - access: `.copied` reads the file into memory of its own, for files that somebody else may
  ///     truncate while they are in use.
  ///   - verification: when bytes are compared with their digests.
  ///   - trustedKeys: opens only a file that one of these keys signed as it is; an empty list
  ///     trusts nobody, nil does not ask. Signatures cover digests, so `.tables` then acts as
  ///     `.lazy`. See `checkTrust`.
  public init(
    path: String, access: MappedFile.Access = .mapped,
    verification: ModelFile.Verification = .tables, trustedKeys: [PublicKey]? = nil
  ) throws(VialError) {
    SecureMemory.serveTexts()
    do throws(ModelError) {
      let isVouched = trustedKeys != nil && verification == .tables
      let opened = try ModelFile(
        path: path, access: access, verification: isVouched ? .lazy : verification)
      file = opened.descriptor
      adapterSet = opened.adapters
      weights = try opened.weights()
    } catch { throw VialError(error) }
    if let trustedKeys { try Self.checkTrust(file, trustedKeys) }
    do throws(FormatError) {
      tokenizer = try Tokenizer(of: file)
      if let section = file.section(.chatTemplate) {
        chatTemplate = try ChatTemplate(copying: section)
      } else {
        chatTemplate = nil
      }
      promptSections = try Self.promptSections(of: file)
    } catch { throw VialError(error) }
    do throws(TextError) {
      reasoningMarks = try Self.reasoningMarks(of: tokenizer)
    } catch { throw VialError(error) }
  }

  /// Found once: a file may have 65,536 sections, and whoever lists templates asks for one after
  /// the other.
  private static func promptSections(of file: VialFile) throws(FormatError) -> [UInt32] {
    // However the list grows.
    try MemoryReserve.with(16 * file.sections.count) {
      file.sections.indices.filter { file.sections[$0].kind == .promptTemplate }
        .map { UInt32($0) }
    }
  }

  /// The added tokens that DeepSeek-R1's distillations put around their reasoning; nil when the
  /// tokenizer does not have both.
  private static func reasoningMarks(
    of tokenizer: Tokenizer
  ) throws(TextError) -> ReasoningMarks? {
    func token(_ spelling: StaticString) throws(TextError) -> UInt32? {
      let text = Span(_unsafeStart: spelling.utf8Start, count: spelling.utf8CodeUnitCount)
      var workspace = TokenizerWorkspace()
      var ids = InlineArray<2, UInt32>(repeating: 0)
      var output = ids.mutableSpan
      let count = try tokenizer.encode(text, workspace: &workspace, into: &output)
      return count == 1 && tokenizer.isAdded(ids[0]) ? ids[0] : nil
    }
    guard let begin = try token("<think>"), let end = try token("</think>") else { return nil }
    return ReasoningMarks(begin: begin, end: end)
  }

  /// Reads the whole file, each byte against its digest and each value against its rule; nil when
  /// `progress` stopped it.
  /// - Parameters:
  ///   - threadCount: the caller's included; nil: as many as affinity and quota allow.
  ///   - progress: is called on this thread with the bytes done and all bytes; returns whether to
  ///     go on.
  /// - Throws: `outOfMemory`.
  public func verify(
    threadCount: Int? = nil,
    progress: (_ done: UInt64, _ total: UInt64) -> Bool = { _, _ in true }
  ) throws(VialError) -> VerificationReport? {
    do throws(FormatError) {
      let verification = try FileVerification(file)
      return try verification.run(threadCount: threadCount) {
        progress($0, verification.totalByteCount)
      }
    } catch { throw VialError(error) }
  }

  /// Most positions of prompt and answer together.
  public var contextLength: Int { file.configuration.contextLength }

  /// The ids of a text, in memory that is wiped on release.
  /// - Parameters:
  ///   - text: UTF-8.
  ///   - options: which tokens are put around it.
  ///   - literals: stretches in which text that spells an added token stays text.
  public func encode(
    _ text: Span<UInt8>, options: EncodeOptions = EncodeOptions(),
    literals: Span<TextRange> = Span()
  ) throws(VialError) -> SecureBuffer<UInt32> {
    var workspace = TokenizerWorkspace()
    var capacity = tokenizer.tokenCapacity(forByteCount: text.count)
    while true {
      guard let tokens = SecureBuffer<UInt32>(capacity: capacity) else { throw .outOfMemory }
      var count = 0
      do throws(TextError) {
        try tokens.appendInPlace { buffer throws(TextError) in
          var output = buffer.mutableSpan
          count = try tokenizer.encode(
            text, options, literals: literals, workspace: &workspace, into: &output)
          return count
        }
      } catch { throw VialError(error) }
      if count <= capacity { return tokens }
      capacity = count
    }
  }

  /// Whether a prompt leaves the answer inside the reasoning part: its last reasoning mark opens
  /// one.
  package func isInsideReasoning(_ tokens: Span<UInt32>) -> Bool {
    guard let marks = reasoningMarks else { return false }
    for index in tokens.indices.reversed() {
      if tokens[index] == marks.begin { return true }
      if tokens[index] == marks.end { return false }
    }
    return false
  }
}

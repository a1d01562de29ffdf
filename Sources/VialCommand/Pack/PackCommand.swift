// Owns: `vial pack`: arguments to one call of the packer, its progress and warnings to stderr, its
// outcome to an exit code.
// Must not: know how packing is done.

public import ArgumentParser
import VialFormat
public import VialPacking
import VialSystem

/// `vial pack SRC -o FILE`.
struct PackCommand: CheckedCommand {
  static let configuration = CommandConfiguration(
    commandName: "pack",
    abstract: "Pack a Hugging Face checkpoint, or a GGUF file, into one .vial file.",
    discussion: """
      SRC is a folder with config.json, tokenizer.json and model.safetensors (or shards with their index); \
      architectures \(Packer.architectures.joined(separator: ", ")). A checkpoint that is 4-bit already (GPTQ, AWQ gemm, \
      compressed-tensors w4a16) keeps its integers and scales, without loss, unless --weights asks for another \
      encoding; so does a GGUF file (F32, F16, BF16, Q4_0, IQ4_NL, Q8_0; other types need --weights). The file is written \
      aside and renamed when it is complete; a link is followed, a file that is replaced keeps its permissions, and a \
      second writer of the same file is refused. The same input and options give the same bytes, \
      whatever the number of threads and wherever the source lies; the model digest does not cover the name (--name). Of a split \
      GGUF model give the first part. What is read otherwise than the checkpoint seems to say is a warning, what is not \
      carried over is named, and the last line counts both.
      """)

  @Argument(help: "The checkpoint's folder, or a GGUF file.")
  var source: String

  @Option(
    name: [.customShort("o"), .long], help: "The file to write; an existing one is replaced.")
  var output: String

  @Option(
    help:
      "Linear layers: int4, int8, f16, bf16 or f32 (default: int4, or what a quantised source holds)."
  )
  var weights: TensorEncoding?

  @Option(
    parsing: .unconditional,
    help: "Elements that share a scale in int4 and int8: 32, 64 or 128 (default: 64).")
  var group: WeightRecipe.Group?

  @Option(
    help: ArgumentHelp(
      """
      What int4 integers stand for, embedding and head included: linear (themselves, less a zero point for each group) \
      or levels (16 fixed levels, closer together near zero; an eighth of a bit less at group 64). Default: levels with \
      gptq, else linear.
      """))
  var codebook: QuantizationGrid?

  @Option(
    help: ArgumentHelp(
      """
      How the integers of linear layers are chosen: rtn (round to nearest, scale by squared error) or gptq (fitted to \
      the activations of --calibration, layer by layer).
      """))
  var method: PackMethod = .rtn

  @Option(
    help: ArgumentHelp(
      """
      Text for gptq: UTF-8, or JSONL with "messages" (rendered through the chat template, reasoning kept) or "text" in \
      each line. It should look like the use.
      """, valueName: "file"))
  var calibration: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      """
      With gptq: bits a weight of the linear layers, scales included, from what int4 in groups of 128 takes (4.125 with \
      levels, 4.1875 with linear, more where rows are no multiple of 128) to 16. Formats (int4 in groups of 128, 64 or 32, int8) \
      are then chosen tensor by tensor, by how much each disturbs its layer's output; --group is that of embedding and \
      head.
      """, valueName: "bits"))
  var bits: Double?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      """
      With gptq: added to the Hessian's diagonal, as a share of its mean, above 0, at most 1 (default: 0.01).
      """,
      valueName: "share"))
  var damping: Double?

  @Flag(
    inversion: .prefixedNo,
    help:
      "With gptq: let layers make up for those before them, and improve integers and scales afterwards."
  )
  var refine = true

  @Option(
    help: ArgumentHelp(
      """
      Token embedding: an encoding as for --weights (default: int8 beside int4 and int8, else as --weights; what a \
      quantised source holds stays).
      """,
      valueName: "encoding"))
  var embedding: TensorEncoding?

  @Option(
    help: ArgumentHelp(
      "Output head: the same, and the same default. A tied head is the embedding.",
      valueName: "encoding"))
  var head: TensorEncoding?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Fill the shape in config.json with random weights of this seed; SRC needs no safetensors.",
      valueName: "seed"))
  var randomWeights: UInt64?

  @Option(
    help: ArgumentHelp(
      "A LoRA adapter of PEFT or mlx-lm, and what requests call it; may be given again.",
      valueName: "name=folder"))
  var adapter: [AdapterFolder] = []

  @Option(
    help: ArgumentHelp(
      "Add this one of the adapters to the weights, before they are quantised, instead of keeping it apart.",
      valueName: "name"))
  var merge: String?

  @Option(
    help: ArgumentHelp(
      "Prompt templates: the .txt files of this folder (default: the packer's own set).",
      valueName: "folder"))
  var templates: String?

  @Option(
    help: ArgumentHelp("Sign the file with this secret key of vial keygen.", valueName: "key"))
  var sign: String?

  @Option(
    parsing: .unconditional,
    help:
      "Worker threads, \(OptionRange.threads.text) (default: the processors that this process may use)."
  )
  var threads: Int?

  @Option(
    help:
      """
      What people call the model (default: _name_or_path of config.json or general.name, or nothing). Not part of the \
      model digest.
      """
  )
  var name: String?

  @Option(
    name: .customLong("licence"),
    help: "The licence, for provenance (default: the model card's).")
  var license: String?

  @Option(help: "Whom to credit, for provenance.")
  var credit: String?

  @Option(help: "A notice to users, for provenance.")
  var notice: String?

  @Option(
    help: ArgumentHelp(
      "What the chat template takes for today, for templates that ask for the date; without it they have no clock.",
      valueName: "yyyy-mm-dd"))
  var templateDate: TemplateDate?

  @Flag(
    help: ArgumentHelp(
      """
      Leave out the texts that the file only carries to say what it was made from: tokenizer.json, config.json, the chat \
      template's source and the like. Digests of all of them, the model card and the licence stay.
      """))
  var withoutSources = false

  func check() throws {
    try OptionRange.threads.check(threads)
    if (method == .gptq) != (calibration != nil) {
      throw ValidationError("--method gptq and --calibration go together")
    }
    if method != .gptq, bits != nil || damping != nil || !refine {
      throw ValidationError("--bits, --damping and --no-refine need --method gptq")
    }
    if codebook == .codebook, ![weights ?? .int4, embedding, head].contains(.int4) {
      throw ValidationError("--codebook levels is for int4")
    }
    if let bits {
      guard (1...16).contains(bits) else { throw ValidationError("--bits must be from 1 to 16") }
      guard weights == nil || weights == .int4 else {
        throw ValidationError("--bits chooses the formats itself: leave out --weights")
      }
    }
    if let damping, !(damping > 0 && damping <= 1) {
      throw ValidationError("--damping must be above 0 and at most 1")
    }
    if output.isEmpty { throw ValidationError("--output must not be empty") }
  }

  func run() throws {
    var options = PackOptions(sourcePath: source, outputPath: output)
    options.recipe = WeightRecipe(
      weights: weights, group: group, embedding: embedding, head: head,
      grid: codebook ?? (method == .gptq ? .codebook : .linear))
    options.adapters = adapter
    options.mergedAdapter = merge
    options.calibration = calibration.map { path in
      var calibration = CalibrationOptions(path: path)
      calibration.bitsPerWeight = bits
      calibration.refines = refine
      if let damping { calibration.damping = damping }
      return calibration
    }
    options.randomSeed = randomWeights
    options.threadCount = threads
    options.templatesPath = templates
    options.templateDate = templateDate
    options.keepsSources = !withoutSources
    options.modelName = name
    options.license = license
    options.credit = credit
    options.notice = notice
    options.signingKey = try CommandFailure.wrap {
      try sign.map { try KeyArguments.secret($0).key }
    }
    options.tool = "vial \(Version.tool)"
    let start = MonotonicClock.seconds
    let progress = ProgressReporter()
    let calibrating = ProgressReporter(unit: .things("tokens through layers"))
    let observer = PackObserver(
      progress: {
        let reporter = $0.stage == "calibrating" ? calibrating : progress
        reporter.update($0.stage, done: $0.completedByteCount, total: $0.totalByteCount)
      }, warning: { progress.say("warning: \($0)") },
      shouldStop: { SignalTrap.signalNumber != nil })
    SignalTrap.install()
    do throws(PackingError) {
      let summary = try Packer.pack(options, observer: observer)
      progress.finish()
      progress.say(Self.line(summary, seconds: MonotonicClock.seconds - start))
    } catch {
      progress.finish()
      throw CommandFailure(
        error.message, code: error.kind == .cancelled ? 128 + (SignalTrap.signalNumber ?? 2) : 1)
    }
  }

  private static func line(_ summary: PackSummary, seconds: Double) -> String {
    let bits = Double(summary.weightsByteCount) * 8 / Double(summary.parameterCount)
    return "packed \(ByteText.grouped(summary.parameterCount)) parameters,"
      + " \(ByteText.fixed(bits, 2)) bits each (\(summary.recipe)), into"
      + " \(ByteText.text(summary.fileByteCount)) in \(ByteText.fixed(seconds, 1)) s"
      + caveats(summary)
  }

  /// How much was said that a reader may have missed.
  private static func caveats(_ summary: PackSummary) -> String {
    let (warnings, omissions) = (summary.warningCount, summary.omissionCount)
    var parts: [String] = []
    if warnings > 0 { parts.append("\(warnings) warning\(warnings == 1 ? "" : "s")") }
    if omissions > 0 { parts.append("\(omissions) left out") }
    return parts.isEmpty ? "" : "; " + parts.joined(separator: ", ")
  }
}

/// How quantised values are chosen.
enum PackMethod: String, ExpressibleByArgument, CaseIterable {
  case rtn, gptq
}

extension AdapterFolder: ExpressibleByArgument {
  /// `NAME=FOLDER`.
  public init?(argument: String) {
    guard let sign = argument.firstIndex(of: "="), sign > argument.startIndex else { return nil }
    let path = String(argument[argument.index(after: sign)...])
    guard !path.isEmpty else { return nil }
    self.init(name: String(argument[..<sign]), path: path)
  }
}

extension TensorEncoding: ExpressibleByArgument {
  public init?(argument: String) { self.init(name: argument) }

  public static var allValueStrings: [String] {
    [Self.int4, .int8, .f16, .bf16, .f32].map(\.name)
  }

  public var defaultValueDescription: String { name }
}
extension WeightRecipe.Group: ExpressibleByArgument {}
extension QuantizationGrid: ExpressibleByArgument {}

extension TemplateDate: ExpressibleByArgument {
  public init?(argument: String) { self.init(argument) }
}

// Damages what lies behind every digest: tokenizer, chat template, prompt templates, configuration of a tiny model
// that has templates of random parts. Most mutants open, and most of their templates render.
// Owns: how much is damaged. Deterministic for a seed.
import VialFormat
import VialPacking

/// Makes mutants with right digests.
public enum DeepMutator {
  private static let kinds: [SectionKind] = [
    .tokenizer, .tokenizer, .chatTemplate, .chatTemplate, .promptTemplate, .promptTemplate,
    .configuration,
  ]

  /// The mutant of a number.
  public static func mutant(_ number: UInt64) -> [UInt8] {
    var random = SplitMix64(seed: number)
    var maker = TemplateMaker(seed: random.next())
    let count = 1 + random.below(3)
    let prompts = (0..<count).compactMap { maker.template(named: "m\($0)") }
    var mutant = TinyModel.asking(prompts)
    let fields = FileFields(mutant).fields
    for _ in 0..<random.pick([0, 1, 1, 1, 2, 3]) {
      let kind = random.pick(kinds)
      let candidates = fields.filter { $0.section == kind }
      if candidates.isEmpty { continue }
      random.damage(&mutant, random.pick(candidates))
    }
    FileSeal.seal(&mutant, .all)
    return mutant
  }

  /// Uses mutants of consecutive numbers.
  /// - Returns: how many opened, and what became of their templates.
  public static func run(
    count: Int, from first: UInt64
  ) -> (openedCount: Int, templates: TemplateUse) {
    var (openedCount, templates) = (0, TemplateUse())
    for number in first..<first + UInt64(count) {
      let verdict = ModelUse.everything(mutant(number), counting: &templates)
      if case .opened = verdict { openedCount += 1 }
    }
    return (openedCount, templates)
  }
}

// Damages valid files field by field and says what must hold of each mutant.
// Owns: the properties. A mutant without new digests that differs anywhere must be refused by opening or
// reported by verifying, but for the exceptions named in `isUnnoticeable`. A mutant with right digests may
// be valid; whatever opens must be usable. Deterministic for a seed.
import VialFormat

/// What a run of mutants showed.
public struct MutationReport: Sendable {
  /// Mutants made.
  public internal(set) var mutantCount = 0
  /// Those whose digests were made right again.
  public internal(set) var sealedCount = 0
  /// Sealed mutants that opened, and were used.
  public internal(set) var usedCount = 0
  /// Unsealed mutants that opened, so that only verifying found them.
  public internal(set) var verifiedCount = 0
  /// Mutants that broke a property, in words.
  public internal(set) var failures: [String] = []
  /// Refusals and reports by rule.
  public internal(set) var rules: [Int: Int] = [:]
}

/// Makes mutants.
public struct FileMutator {
  private let bases: [(bytes: [UInt8], fields: [FileField])]
  private var random: SplitMix64
  private var report = MutationReport()

  /// Mutants of the tiny model with one root, with two, and with a codebook.
  public init(seed: UInt64) {
    bases = [TinyModel.bytes, TinyModel.twoRoots, TinyModel.withCodebook].map {
      ($0, FileFields($0).fields)
    }
    random = SplitMix64(seed: seed)
  }

  /// Runs `count` mutants: every field in turn, then fields together, tails, cuts and runs of bytes.
  public static func run(count: Int, seed: UInt64) -> MutationReport {
    var mutator = FileMutator(seed: seed)
    while mutator.report.mutantCount < count { mutator.step() }
    return mutator.report
  }

  /// Hands out `count` mutants, two in three of them sealed, without judging them.
  public static func forEach(count: Int, seed: UInt64, _ body: ([UInt8]) -> Void) {
    var mutator = FileMutator(seed: seed)
    for _ in 0..<count {
      body(mutator.mutant().bytes)
      mutator.report.mutantCount += 1
    }
  }

  private mutating func step() {
    let base = bases[report.mutantCount % bases.count].bytes
    let (mutant, isSealed) = mutant()
    judge(mutant, of: base, isSealed: isSealed)
  }

  private mutating func mutant() -> (bytes: [UInt8], isSealed: Bool) {
    let base = bases[report.mutantCount % bases.count]
    var mutant = base.bytes
    let isSealed = random.below(3) > 0
    // Two in three change one field; fields are taken in turn, so that none is left out.
    let changeCount = random.below(3) > 0 ? 1 : 2 + random.below(3)
    for change in 0..<changeCount {
      let index =
        change == 0
        ? report.mutantCount / bases.count % base.fields.count : random.below(base.fields.count)
      if random.below(12) == 0 {
        random.damageBytes(&mutant)
      } else {
        random.damage(&mutant, base.fields[index])
      }
    }
    if isSealed { FileSeal.seal(&mutant, .all) }
    return (mutant, isSealed)
  }

  private mutating func judge(_ mutant: [UInt8], of base: [UInt8], isSealed: Bool) {
    report.mutantCount += 1
    if isSealed { report.sealedCount += 1 }
    let verdict = isSealed ? ModelUse.everything(mutant) : ModelUse.descriptor(mutant)
    switch verdict {
    case .refused(let rule):
      report.rules[rule, default: 0] += 1
      if mutant == base { fail("the file itself is refused by R-\(rule)") }
    case .opened(let problems):
      for rule in problems { report.rules[rule, default: 0] += 1 }
      if isSealed { report.usedCount += 1 } else { report.verifiedCount += 1 }
      if mutant == base, !problems.isEmpty { fail("the file itself is reported: \(problems)") }
      if !isSealed, problems.isEmpty, mutant != base, !Self.isUnnoticeable(mutant, of: base) {
        fail("a change went unnoticed")
      }
    }
  }

  private mutating func fail(_ what: String) {
    if report.failures.count < 20 {
      report.failures.append("mutant \(report.mutantCount): \(what)")
    }
  }

  /// The only change of a file that neither opening nor verifying may notice without a signature: a root
  /// slot that became 4,096 zeros while the other slot is still valid (Spec/FORMAT.md, "What
  /// remains"). The file is then the one with the other root.
  static func isUnnoticeable(_ mutant: [UInt8], of base: [UInt8]) -> Bool {
    guard mutant.count == base.count else { return false }
    for slot in FileSeal.slotOffsets where mutant[slot..<slot + 4096].allSatisfy({ $0 == 0 }) {
      if mutant[..<slot] == base[..<slot], mutant[(slot + 4096)...] == base[(slot + 4096)...] {
        return true
      }
    }
    return false
  }
}

// Address-sanitized runs of what the tests run: `mutate run COUNT SEED` for damage anywhere, `mutate deep COUNT FIRST` for
// damage behind the digests. Writers: `mutate write COUNT FIRST FOLDER` of the latter's files, for other hosts;
// `mutate seeds FOLDER` of the first inputs of the corpora.
import FuzzTargets
import Glibc

@main
enum Harness {
  static func main() {
    let arguments = CommandLine.arguments
    switch arguments.dropFirst().first {
    case "run" where arguments.count == 4:
      guard let count = Int(arguments[2]), let seed = UInt64(arguments[3]) else { exit(2) }
      exit(run(count, seed) ? 0 : 1)
    case "deep" where arguments.count == 4:
      guard let count = Int(arguments[2]), let first = UInt64(arguments[3]) else { exit(2) }
      runDeep(count, first)
    case "write" where arguments.count == 5:
      guard let count = Int(arguments[2]), let first = UInt64(arguments[3]) else { exit(2) }
      for number in first..<first + UInt64(count) {
        write(DeepMutator.mutant(number), "\(arguments[4])/\(number).vial")
      }
    case "seeds" where arguments.count == 3: writeSeeds(arguments[2])
    default:
      fputs(
        "usage: mutate run COUNT SEED | deep COUNT FIRST | write COUNT FIRST FOLDER | seeds FOLDER\n",
        stderr)
      exit(2)
    }
  }

  private static func run(_ count: Int, _ seed: UInt64) -> Bool {
    let report = FileMutator.run(count: count, seed: seed)
    print(
      "\(report.mutantCount) mutants, \(report.sealedCount) sealed, \(report.usedCount) of them opened and"
        + " used; \(report.verifiedCount) unsealed ones opened and were reported by verify")
    let rules = report.rules.sorted { $0.key < $1.key }.map { "R-\($0.key) \($0.value)" }
    print("rules: " + rules.joined(separator: ", "))
    for failure in report.failures { print("FAILED: \(failure)") }
    return report.failures.isEmpty
  }

  private static func runDeep(_ count: Int, _ first: UInt64) {
    let (opened, templates) = DeepMutator.run(count: count, from: first)
    print(
      "\(count) mutants, \(opened) opened; templates: \(templates.renderedCount) of \(templates.renderCount) rendered,"
        + " \(templates.compiledCount) of \(templates.schemaCount) schemas compiled,"
        + " \(templates.answerCount) answers")
  }

  private static func writeSeeds(_ folder: String) {
    for target in FuzzTarget.allCases {
      mkdir("\(folder)/\(target.rawValue)", 0o755)
      for (index, input) in Seeds.inputs(target).enumerated() {
        write(input, "\(folder)/\(target.rawValue)/seed-\(index)")
      }
    }
  }

  private static func write(_ bytes: [UInt8], _ path: String) {
    guard let file = fopen(path, "w") else { exit(1) }
    fwrite(bytes, 1, bytes.count, file)
    fclose(file)
  }
}

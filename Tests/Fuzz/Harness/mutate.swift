// Address-sanitized runs of what the tests run: `mutate run COUNT SEED`; and `mutate seeds FOLDER`, which
// writes the first inputs of the corpora.
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
    case "seeds" where arguments.count == 3: writeSeeds(arguments[2])
    default:
      fputs("usage: mutate run COUNT SEED | mutate seeds FOLDER\n", stderr)
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

  private static func writeSeeds(_ folder: String) {
    for target in FuzzTarget.allCases {
      mkdir("\(folder)/\(target.rawValue)", 0o755)
      for (index, input) in Seeds.inputs(target).enumerated() {
        guard let file = fopen("\(folder)/\(target.rawValue)/seed-\(index)", "w") else { exit(1) }
        fwrite(input, 1, input.count, file)
        fclose(file)
      }
    }
  }
}

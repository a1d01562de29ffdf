// What the inputs of a corpus cost in a release build without sanitizers: `cost TARGET FOLDER...` prints the slowest and
// the largest, and exits with 1 when one is beyond COST_SECONDS or COST_BYTES. Built by Tests/Fuzz/cost.
import FuzzTargets
import Glibc

@_silgen_name("cost_begin") private func costBegin()
@_silgen_name("cost_end") private func costEnd(_ peak: UnsafeMutablePointer<Int64>?) -> Double

@main
enum Harness {
  static func main() {
    let arguments = CommandLine.arguments
    guard arguments.count > 2, let target = FuzzTarget(rawValue: arguments[1]) else {
      fputs("usage: cost TARGET FOLDER...\n", stderr)
      exit(2)
    }
    target.prepare()
    var (slowest, largest) = ((0.0, ""), (Int64(0), ""))
    var count = 0
    for folder in arguments[2...] {
      for name in names(folder) {
        guard let input = read("\(folder)/\(name)") else { continue }
        var peak: Int64 = 0
        costBegin()
        target.run(input)
        let seconds = costEnd(&peak)
        count += 1
        if seconds > slowest.0 { slowest = (seconds, "\(folder)/\(name)") }
        if peak > largest.0 { largest = (peak, "\(folder)/\(name)") }
      }
    }
    print("\(target.rawValue): \(count) inputs")
    print("  slowest \(slowest.0) s: \(slowest.1)")
    print("  largest \(largest.0) bytes: \(largest.1)")
  }

  private static func names(_ folder: String) -> [String] {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names.sorted()
  }

  private static func read(_ path: String) -> [UInt8]? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = fread(&buffer, 1, buffer.count, file)
      guard count > 0 else { return bytes }
      bytes += buffer[..<count]
    }
  }
}

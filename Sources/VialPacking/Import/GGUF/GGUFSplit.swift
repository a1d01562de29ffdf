// Owns: a model that llama.cpp's gguf-split cut into several files (the first has the metadata,
// each has some tensors): the names of the parts, and what must be the same in all.
// Must not: read tensors.
// Source: llama.cpp, tools/gguf-split and `llama_split_path`.

/// A set of GGUF files, of which the first was opened.
struct GGUFSplit {
  /// Most files of a set.
  private static let maximumPartCount = 4096
  private static let countKey = "split.count"
  private static let numberKey = "split.no"
  private static let tensorsKey = "split.tensors.count"

  private let first: GGUFFile
  private let partCount: Int
  /// The path up to the parts' numbers.
  private let stem: String

  /// The set of a file; nil when it is whole.
  /// - Throws: when the file is not the first of its set, or not called as its parts are found.
  init?(_ file: GGUFFile, path: String) throws(PackingError) {
    guard let count = try file.integer(Self.countKey, 0...Self.maximumPartCount), count > 1 else {
      return nil
    }
    let number = try file.integer(Self.numberKey, 0...count - 1) ?? 0
    guard number == 0 else {
      throw file.error("part \(number + 1) of \(count) of a split model; give the first one")
    }
    let ending = Self.ending(number, count)
    guard path.hasSuffix(ending) else {
      throw file.error(
        "part 1 of \(count) of a split model, but its name does not end in \(ending), so the others cannot be"
          + " found")
    }
    first = file
    partCount = count
    stem = String(path.dropLast(ending.utf8.count))
  }

  /// `-00001-of-00003.gguf`.
  private static func ending(_ number: Int, _ count: Int) -> String {
    func five(_ value: Int) -> String {
      let digits = String(value)
      return String(repeating: "0", count: max(0, 5 - digits.utf8.count)) + digits
    }
    return "-\(five(number + 1))-of-\(five(count)).gguf"
  }

  /// The other files, in order.
  func others() throws(PackingError) -> [GGUFFile] {
    var files: [GGUFFile] = []
    for number in 1..<partCount {
      let path = stem + Self.ending(number, partCount)
      guard CheckpointFolder.isFile(path) else {
        throw first.error("part \(number + 1) of \(partCount) of the split model is missing")
      }
      let file = try GGUFFile(partAt: path)
      guard try file.integer(Self.numberKey, 0...Self.maximumPartCount) == number,
        try file.integer(Self.countKey, 0...Self.maximumPartCount) == partCount
      else {
        throw file.error("not part \(number + 1) of \(partCount), as its name says")
      }
      files.append(file)
    }
    return files
  }

  /// The parts must have as many tensors as the set says.
  func check(tensorCount: Int) throws(PackingError) {
    guard let stated = try first.integer(Self.tensorsKey, 0...Int(Int32.max)) else { return }
    guard stated == tensorCount else {
      throw first.error("the parts have \(tensorCount) tensors, not the \(stated) of the whole")
    }
  }
}

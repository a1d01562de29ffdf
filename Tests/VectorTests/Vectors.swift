// The vectors of Tests/VectorTests/vectors and their truth, as tests want them.
// Owns: reading the JSON, and building the variants of invalid files. Must not: know the format.

import Foundation
import VialFormat

/// A file that a reader must refuse, or report when it verifies.
struct InvalidVector: Decodable {
  /// `R-nnn-what`.
  var name: String?
  let about: String
  let rule: Int
  /// `open`, `verify` or `run`.
  let stage: String
  /// Where in the file.
  let offset: UInt64
}

/// What a valid file holds.
struct ValidTruth: Decodable {
  struct Section: Decodable, Equatable {
    let kind: UInt32
    let id: UInt64
    let flags: UInt32
    let offset: UInt64
    let storedLength: UInt64
    let rawLength: UInt64
    let codec: UInt32
    let alignment: UInt32
    let digest: String
  }
  struct Tensor: Decodable {
    let name: String
    let encoding: String
    let shape: [Int]
    let group: Int
    let asymmetric: Bool
    let section: UInt64
    let offset: UInt64
    let length: Int
    let f32Sha256: String
    let first: [Double]
    /// Absent without a codebook.
    let levels: [Int8]?
  }
  struct Text: Decodable {
    let id: UInt64
    let length: Int
    let sha256: String
  }
  struct Tokenizer: Decodable {
    let kind: String
    let normaliser: String
    let preTokenizer: String
    let ids: Int
    let merges: Int
    let added: Int
    let begin: UInt32?
    let end: UInt32?
    let padding: UInt32?
    let firstTokens: [String?]
  }
  struct Adapter: Decodable {
    struct Target: Decodable {
      let name: String
      let encoding: String
      let rank: Int
      let alpha: Double
      let scale: Double
      let inputs: Int
      let outputs: Int
      let aF32Sha256: String
      let bF32Sha256: String
    }
    let id: UInt64
    let name: String
    let rankStabilised: Bool
    let base: String
    let targets: [Target]
  }
  struct ChatTemplate: Decodable {
    let id: UInt64
  }
  let format: String
  let features: [UInt64]
  let slot: String
  let generation: UInt64
  let fileLength: UInt64
  let modelDigest: String
  let fileDigest: String
  let sections: [Section]
  let configuration: [String: TruthValue]
  /// Absent from the truths of 1.0.
  let name: String?
  let provenance: [String: TruthValue]?
  let tensors: [Tensor]
  let texts: [Text]
  let tokenizer: Tokenizer
  let chatTemplates: [ChatTemplate]
  let adapters: [Adapter]?
}

/// One value of JSON in every form that it can take.
struct TruthValue: Decodable {
  private let bool: Bool?
  private let unsigned: UInt64?
  private let signed: Int64?
  private let number: Double?
  private let text: String?
  private let list: [TruthValue]?

  init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    bool = try? value.decode(Bool.self)
    unsigned = try? value.decode(UInt64.self)
    signed = try? value.decode(Int64.self)
    number = try? value.decode(Double.self)
    text = try? value.decode(String.self)
    list = try? value.decode([TruthValue].self)
  }

  func matches(_ value: KeyValue) -> Bool {
    switch value {
    case .unsigned(let value): unsigned == value
    case .signed(let value): signed == value
    case .float(let value): number == value
    case .bool(let value): bool == value
    case .text(let value): text == value
    case .unsignedArray(let values): list?.map(\.unsigned) == values
    case .floatArray(let values): list?.map(\.number) == values.map { Double($0) }
    case .bytes(let bytes): text == Vectors.hexadecimal(bytes)
    case .textArray(let texts): list?.map(\.text) == texts
    }
  }
}

/// Where the vectors are.
enum Vectors {
  static let folder = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().appendingPathComponent("vectors")

  /// `valid/NAME` and `1.0/NAME`: files that every reader opens.
  static let valid: [String] = {
    let folders = ["valid"] + contents("").filter { $0.wholeMatch(of: /\d+\.\d+/) != nil }
    return folders.flatMap { folder in names(folder).map { "\(folder)/\($0)" } }
  }()

  /// `R-nnn-what` of every file in `invalid`.
  static let invalid = names("invalid")

  static func bytes(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: folder.appendingPathComponent(name + ".vial")))
  }

  static func truth<Truth: Decodable>(_ name: String, _ type: Truth.Type) throws -> Truth {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase  // keys of dictionaries stay as they are
    return try decoder.decode(
      type, from: Data(contentsOf: folder.appendingPathComponent(name + ".json")))
  }

  static func hexadecimal(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  private static func contents(_ path: String) -> [String] {
    let path = path.isEmpty ? folder.path : folder.appendingPathComponent(path).path
    return ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
  }

  private static func names(_ folder: String) -> [String] {
    contents(folder).filter { $0.hasSuffix(".vial") }.map { String($0.dropLast(5)) }
  }
}

/// `invalid/variants.json`: further invalid files, as changes of a valid one.
struct Variants: Decodable {
  struct Change: Decodable {
    let offset: Int
    let bytes: [UInt8]

    init(from decoder: any Decoder) throws {
      var values = try decoder.unkeyedContainer()
      offset = try values.decode(Int.self)
      let digits = Array(try values.decode(String.self).utf8)
      bytes = stride(from: 0, to: digits.count - 1, by: 2).map { index in
        UInt8(String(decoding: digits[index..<index + 2], as: UTF8.self), radix: 16) ?? 0
      }
    }
  }
  struct Variant: Decodable {
    let name: String
    let about: String
    let rule: Int
    let stage: String
    let offset: UInt64
    let length: Int
    let changes: [Change]

    var vector: InvalidVector {
      InvalidVector(name: name, about: about, rule: rule, stage: stage, offset: offset)
    }

    func bytes(from base: [UInt8]) -> [UInt8] {
      Variants.apply(changes, to: base, length: length)
    }
  }
  let base: String
  let variants: [Variant]

  /// `base`, cut or filled with zeros to a length, with the changes.
  static func apply(_ changes: [Change], to base: [UInt8], length: Int) -> [UInt8] {
    var bytes = Array(base.prefix(length))
    bytes += [UInt8](repeating: 0, count: length - bytes.count)
    for change in changes {
      bytes.replaceSubrange(change.offset..<change.offset + change.bytes.count, with: change.bytes)
    }
    return bytes
  }
}

// Owns: vector files as they are read. Must not: assert; tests do.

import Foundation
import TestSupport
import VialText

extension Files {
  /// The values of a JSON-lines file.
  static func lines(_ url: URL) throws -> [JSONValue] {
    try read(url).split(separator: 0x0A).map { try JSONReader.parse(Array($0)) }
  }
}

/// A line of a vector file: text, ids and, where given, the decoded text.
struct Vector {
  let text: [UInt8]
  let ids: [UInt32]
  let decoded: [UInt8]?

  init(_ json: JSONValue) {
    text = json["text"]?.string?.bytes ?? []
    ids = (json["ids"]?.array ?? []).map { UInt32($0.integer ?? -1) }
    decoded = json["decoded"]?.string?.bytes
  }
}

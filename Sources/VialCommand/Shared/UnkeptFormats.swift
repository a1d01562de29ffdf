// Owns: what people are told about formats of a schema that answers are not held to.
// Must not: refuse anything: JSON Schema lets readers take formats for remarks.

import VialSystem

enum UnkeptFormats {
  /// A sentence for each format.
  static func warnings(_ formats: [String]) -> [String] {
    formats.map { format in
      "warning: format \"\(TerminalText.line(format, limit: 64))\" of the schema is not kept: "
        + "answers may have any text there"
    }
  }
}

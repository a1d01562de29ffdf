// Owns: one tensor in a dump: its descriptor and its first values, decoded.
// Must not: show more than the first rows and columns.

import VialFormat

/// A tensor's descriptor and its first values, decoded.
struct TensorDump {
  private let tensor: TensorDescriptor
  /// The most rows and columns whose values are shown.
  private static let rowLimit = 4
  private static let columnLimit = 8

  init(_ tensor: TensorDescriptor) { self.tensor = tensor }

  /// The first values of the first rows.
  private var values: [[Float]] {
    (0..<min(Self.rowLimit, tensor.shape.rowCount)).map { row in
      (0..<min(Self.columnLimit, tensor.shape.columnCount)).map { column in
        tensor.value(slice: 0, row: row, column: column) ?? .nan
      }
    }
  }

  /// Aligned text.
  func text() -> String {
    var table = TextTable([.left, .left])
    table.add(["name", tensor.name])
    table.add(["encoding", tensor.formatName])
    if let codebook = tensor.format.codebook {
      table.add(["levels", codebook.entries.map { String($0) }.joined(separator: " ")])
    }
    table.add(["layout", tensor.layout.name])
    table.add(["shape", tensor.shape.description])
    table.add(["weights section", String(tensor.weightsSection)])
    table.add(["offset", String(tensor.offset)])
    table.add(["bytes", String(tensor.byteCount)])
    let bits = Double(tensor.byteCount) * 8 / Double(tensor.shape.elementCount)
    table.add(["bits/weight", ByteText.fixed(bits, 3)])
    var numbers = TextTable([TextTable.Alignment](repeating: .right, count: Self.columnLimit + 1))
    for row in values {
      let more = tensor.shape.columnCount > row.count ? ["…"] : []
      numbers.add(row.map { $0.description } + more)
    }
    return table.text(indent: 0) + "\n" + numbers.text()
  }

  /// One object and a line end.
  func json() -> String {
    var json = JSONOutput()
    json.object { json in
      members(&json)
      json.key("values")
      json.array { json in
        for row in values { json.array { json in for item in row { json.value(item) } } }
      }
    }
    return json.text + "\n"
  }

  /// The descriptor's members.
  func members(_ json: inout JSONOutput) {
    json.member("name", tensor.name)
    json.member("encoding", tensor.encoding.name)
    json.member("group", tensor.format.group)
    json.member("asymmetric", tensor.format.isAsymmetric)
    json.codebook(tensor.format.codebook)
    json.member("layout", tensor.layout.name)
    json.key("shape")
    json.array { json in for item in tensor.shape.dimensions { json.value(item) } }
    json.member("weights_section", tensor.weightsSection)
    json.member("offset", tensor.offset)
    json.member("byte_count", tensor.byteCount)
  }
}

extension JSONOutput {
  /// The member `levels`: an array, or null without a codebook.
  mutating func codebook(_ codebook: Codebook?) {
    key("levels")
    guard let codebook else { return null() }
    array { json in for entry in codebook.entries { json.value(Int(entry)) } }
  }
}

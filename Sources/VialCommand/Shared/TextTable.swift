// Owns: aligned columns of text.
// Must not: show a cell's text as it is: it may come from a file (`TerminalText`).

import VialSystem

/// Rows of cells, padded to equal columns.
struct TextTable {
  /// Which side of a cell the padding goes to.
  enum Alignment {
    case left
    case right
  }

  private let alignments: [Alignment]
  private var rows: [[String]] = []

  /// A table whose columns are aligned as given.
  init(_ alignments: [Alignment], header: [String]? = nil) {
    self.alignments = alignments
    if let header { rows.append(header) }
  }

  /// Adds a row; missing cells are empty. Controls in a cell, line ends included, are spelled out.
  mutating func add(_ cells: [String]) { rows.append(cells.map { TerminalText.line($0) }) }

  /// The rows, each behind `indent` spaces, without trailing spaces.
  func text(indent: Int = 2) -> String {
    let widths = alignments.indices.map { column in
      rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    var result = ""
    for row in rows {
      var line = String(repeating: " ", count: indent)
      for (column, cell) in row.enumerated() {
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        line += alignments[column] == .left ? cell + padding : padding + cell
        line += "  "
      }
      while line.last == " " { line.removeLast() }
      result += line + "\n"
    }
    return result
  }
}

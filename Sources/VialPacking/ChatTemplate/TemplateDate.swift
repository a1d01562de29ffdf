// Owns: the day that a chat template takes for today, when it is packed with one.
// Must not: look at a clock.

/// A day of the Gregorian calendar, at midnight.
public struct TemplateDate: Sendable, Equatable {
  private let year: Int
  private let month: Int
  private let day: Int

  /// From `YYYY-MM-DD`, years 1 to 9999; nil when there is no such day.
  public init?(_ text: String) {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard text.utf8.count == 10, parts.map(\.utf8.count) == [4, 2, 2],
      parts.allSatisfy({ $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }),
      let year = Int(parts[0]),
      let month = Int(parts[1]), let day = Int(parts[2]), year > 0, (1...12).contains(month),
      (1...Self.dayCount(year, month)).contains(day)
    else { return nil }
    (self.year, self.month, self.day) = (year, month, day)
  }

  private static func dayCount(_ year: Int, _ month: Int) -> Int {
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    return [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
  }

  private static let months = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
  ]
  private static let days = [
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
  ]

  private var dayOfYear: Int { (1..<month).reduce(day) { $0 + Self.dayCount(year, $1) } }

  /// 0 is a Monday.
  private var weekday: Int {
    let before = year - 1
    return (before * 365 + before / 4 - before / 100 + before / 400 + dayOfYear - 1) % 7
  }

  /// As `strftime` writes it in the C locale; nil for a directive that is not among `%Y %y %m %d
  /// %-d %-m %B %b %A %a %j %H %M %S %p %I %%`.
  func formatted(_ format: [UInt8]) -> [UInt8]? {
    var result = ""
    var characters = String(decoding: format, as: UTF8.self).makeIterator()
    while let character = characters.next() {
      guard character == "%" else {
        result.append(character)
        continue
      }
      var directive = String(characters.next() ?? " ")
      if directive == "-" { directive.append(characters.next() ?? " ") }
      guard let text = text(directive) else { return nil }
      result += text
    }
    return Array(result.utf8)
  }

  private func text(_ directive: String) -> String? {
    func padded(_ value: Int, _ width: Int) -> String {
      String(repeating: "0", count: max(0, width - "\(value)".utf8.count)) + "\(value)"
    }
    return switch directive {
    case "Y": padded(year, 4)
    case "y": padded(year % 100, 2)
    case "m": padded(month, 2)
    case "d": padded(day, 2)
    case "-d": "\(day)"
    case "-m": "\(month)"
    case "B": Self.months[month - 1]
    case "b": String(Self.months[month - 1].prefix(3))
    case "A": Self.days[weekday]
    case "a": String(Self.days[weekday].prefix(3))
    case "j": padded(dayOfYear, 3)
    case "H", "M", "S": "00"
    case "I": "12"
    case "p": "AM"
    case "%": "%"
    default: nil
    }
  }
}

// Owns: typed access to the configuration's keys: a missing key or a wrong type is an error with a
// rule.
// Must not: know what a value is for; `ModelConfiguration` does.
// Source: Spec/FORMAT.md, "Configuration".

/// Reads keys of a configuration by type.
struct ConfigurationFields {
  let table: KeyValueTable

  init(_ table: KeyValueTable) { self.table = table }

  /// An error at the entry of `key`, or at the start when there is none.
  func error(rule: Int, _ key: String, _ message: StaticString) -> FormatError {
    let entry = table.index(of: key).map {
      KeyValueTable.headerByteCount + $0 * KeyValueTable.entryStride
    }
    return FormatError(
      rule: rule, offset: UInt64(entry ?? 0), context: "configuration", message)
  }

  private func missing(_ key: String) -> FormatError {
    error(rule: 310, key, "a required key is missing or has the wrong type")
  }

  func text(_ key: String) throws(FormatError) -> String {
    guard case .text(let value) = table[key] else { throw missing(key) }
    return value
  }

  func bool(_ key: String) throws(FormatError) -> Bool {
    guard case .bool(let value) = table[key] else { throw missing(key) }
    return value
  }

  func float(_ key: String) throws(FormatError) -> Double {
    guard case .float(let value) = table[key] else { throw missing(key) }
    return value
  }

  func floats(_ key: String) throws(FormatError) -> [Float] {
    guard case .floatArray(let value) = table[key] else { throw missing(key) }
    return value
  }

  /// A size from 1 to `limit`.
  func size(_ key: String, _ limit: UInt64) throws(FormatError) -> Int {
    guard case .unsigned(let value) = table[key] else { throw missing(key) }
    guard value >= 1, value <= limit else { throw error(rule: 312, key, "a size is out of range") }
    return Int(value)
  }

  func optionalToken(_ key: String, below limit: Int) throws(FormatError) -> UInt32? {
    guard let value = table[key] else { return nil }
    guard case .unsigned(let token) = value else { throw missing(key) }
    guard token < UInt64(limit) else {
      throw error(rule: 315, key, "a token is outside the vocabulary")
    }
    return UInt32(token)
  }

  func tokens(_ key: String, below limit: Int) throws(FormatError) -> [UInt32] {
    guard case .unsignedArray(let tokens) = table[key] else { throw missing(key) }
    guard tokens.count <= FormatLimits.endTokenCount, tokens.allSatisfy({ $0 < UInt64(limit) })
    else { throw error(rule: 315, key, "a token is outside the vocabulary, or there are too many") }
    return tokens.map { UInt32($0) }
  }

  func optionalFloat(
    _ key: String, _ range: ClosedRange<Double>
  ) throws(FormatError) -> Double? {
    guard let value = table[key] else { return nil }
    guard case .float(let number) = value, range.contains(number) else {
      throw error(rule: 316, key, "a sampling parameter is out of range")
    }
    return number
  }

  func optionalUnsigned(_ key: String) throws(FormatError) -> UInt64? {
    guard let value = table[key] else { return nil }
    guard case .unsigned(let number) = value, number <= FormatLimits.vocabularySize else {
      throw error(rule: 316, key, "a sampling parameter is out of range")
    }
    return number
  }
}

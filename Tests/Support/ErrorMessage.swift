// Owns: what a failing call says. Must not: decide what it should say.

/// The description of what `body` throws; empty when it throws nothing.
package func message(_ body: () throws -> Void) -> String {
  do {
    try body()
    return ""
  } catch { return "\(error)" }
}

// Owns: fairness among tenants: how many tokens each was served, by weight.
// Must not: know requests, or a tenant's label: tenants are keyed codes.
// Source: virtual token counters (Sheng et al., "Fairness in Serving Large Language Models", OSDI
// 2024).
//
// A tenant's counter is what it was served, divided by its weight; the lowest counter comes first.
// A tenant that was idle gets no credit for it.

import VialSystem

/// Accounts of all tenants that were seen.
struct TenantLedger {
  private struct Account {
    var served = 0.0
    var weight = 1.0
    /// Its requests in the queue and under way.
    var requestCount = 0
  }

  private var accounts: [KeyedCode: Account] = [:]
  private var busyCount = 0
  /// Cost of a generated token; one of a prompt costs 1. Its step reads all weights for few tokens.
  private static let generatedCost = 2.0
  /// Idle tenants whose accounts say nothing are forgotten beyond this many.
  private static let remembered = 4096

  /// Tokens that a tenant was given, by weight.
  func served(_ tenant: KeyedCode) -> Double { accounts[tenant]?.served ?? 0 }

  /// A request of a tenant came.
  mutating func arrive(_ tenant: KeyedCode) {
    if accounts.count >= Self.remembered { forgetIdle() }
    var account = accounts[tenant] ?? Account()
    if account.requestCount == 0 {
      account.served = max(account.served, leastServed ?? account.served)
      busyCount += 1
    }
    account.requestCount += 1
    accounts[tenant] = account
  }

  /// A request of a tenant ended.
  mutating func leave(_ tenant: KeyedCode) {
    guard var account = accounts[tenant], account.requestCount > 0 else { return }
    account.requestCount -= 1
    if account.requestCount == 0 { busyCount -= 1 }
    accounts[tenant] = account
    // Nobody competes: counting starts anew, and never loses precision.
    if busyCount == 0 { for key in accounts.keys { accounts[key]?.served = 0 } }
  }

  /// A tenant was given tokens.
  mutating func charge(_ tenant: KeyedCode, promptTokens: Int = 0, generatedTokens: Int = 0) {
    guard var account = accounts[tenant] else { return }
    account.served +=
      (Double(promptTokens) + Self.generatedCost * Double(generatedTokens)) / account.weight
    accounts[tenant] = account
  }

  /// Serves a tenant `weight` times as many tokens as one with weight 1.
  mutating func setWeight(_ weight: Double, of tenant: KeyedCode) {
    accounts[tenant, default: Account()].weight = weight
  }

  private var leastServed: Double? {
    accounts.values.lazy.filter { $0.requestCount > 0 }.map(\.served).min()
  }

  private mutating func forgetIdle() {
    let least = leastServed ?? 0
    accounts = accounts.filter {
      $0.value.requestCount > 0 || $0.value.weight != 1 || $0.value.served > least
    }
  }
}

// Owns: running the C tests of Tests/CVialDigestTests/C in `swift test`, with libsodium's SHA-256 as the oracle.
// Must not: compute: the same C tests run on AArch64 under qemu.
import CSodium
import DigestTests
import Testing

/// Names of the C tests, in order.
private func digestTestNames() -> [String] {
  var names: [String] = []
  while let name = digest_test_name(names.count) { names.append(String(cString: name)) }
  return names
}

// Serialized: the C tests share a random generator.
@Suite("SHA-256", .serialized)
struct DigestTests {
  @Test(arguments: digestTestNames())
  func equalsLibsodium(name: String) {
    let failures = digest_test_run(name) { data, count, digest in
      guard let digest else { return }
      crypto_hash_sha256(digest, data, UInt64(count))
    }
    #expect(failures == 0, "see the failures printed by the C test")
  }
}

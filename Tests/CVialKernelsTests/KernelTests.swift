// Owns: running the C kernel tests of Tests/CVialKernelsTests/C in `swift test`, one test case per C test.
// Must not: compute: C tests compare C kernels, so that the same program runs on AArch64 under qemu.
import KernelTests
import Testing

/// Names of the C tests, in order.
private func kernelTestNames() -> [String] {
  var names: [String] = []
  while let name = kernel_test_name(names.count) { names.append(String(cString: name)) }
  return names
}

// Serialized: the C tests share a random generator and a list of guarded regions.
@Suite("Kernels", .serialized)
struct KernelTests {
  @Test(arguments: kernelTestNames())
  func equalsTheContract(name: String) {
    #expect(kernel_test_run(name) == 0, "see the failures printed by the C test")
  }
}

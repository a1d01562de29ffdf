// Owns: which process this is.
// Must not: remember it: a fork changes it.

internal import CVialSystem

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// The process that runs this code.
package enum RunningProcess {
  /// Its number; another one in the child of a fork.
  package static var identifier: Int32 { getpid() }

  /// Lets the system write no core file of this process: what its memory holds stays out of files
  /// when it ends by a signal. On Linux no other process of the user can read its memory either.
  package static func forbidCoreFiles() { vial_forbid_core_files() }

  /// Most bytes of memory that it had at once so far, mapped files that were touched included.
  package static var peakMemoryByteCount: UInt64 {
    var usage = rusage()
    // 0 is RUSAGE_SELF, which Glibc imports as a type that its own function does not take.
    guard getrusage(0, &usage) == 0 else { return 0 }
    // Linux counts kibibytes, Darwin bytes.
    #if canImport(Darwin)
      return UInt64(clamping: usage.ru_maxrss)
    #else
      return UInt64(clamping: usage.ru_maxrss) * 1024
    #endif
  }
}

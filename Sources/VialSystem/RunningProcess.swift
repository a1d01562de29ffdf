// Owns: which process this is. Must not: remember it: a fork changes it.

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// The process that runs this code.
public enum RunningProcess {
  /// Its number; another one in the child of a fork.
  public static var identifier: Int32 { getpid() }
}

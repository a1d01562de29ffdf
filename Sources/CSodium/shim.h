// Owns: the door to libsodium, for Swift.
// Must not: declare anything of its own.
#include <sodium.h>

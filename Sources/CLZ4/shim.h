// Owns: the door to liblz4's frame functions, for Swift.
// Must not: declare anything of its own.
#include <lz4frame.h>

// Owns: what a build consists of, and the names in it, as one text that is there before anything
// runs.
// Must not: need memory.
// The build scripts tell the version of Swift's compiler; a plain `swift build` has that of the
// manifest, Package.swift.
#include "vial.h"
#include "vial_system.h"

#include <lz4.h>
#include <sodium/version.h>

#define QUOTED(number) #number
#define NUMBER(macro) QUOTED(macro)

#if defined(__x86_64__)
#define PROCESSOR "x86_64"
#elif defined(__aarch64__)
#define PROCESSOR "aarch64"
#else
#define PROCESSOR "unknown"
#endif

#if defined(__linux__)
#define SYSTEM "linux"
#elif defined(__APPLE__)
#define SYSTEM "macos"
#else
#define SYSTEM "unknown"
#endif

#ifndef VIAL_SWIFT_VERSION
#define VIAL_SWIFT_VERSION VIAL_MANIFEST_SWIFT_VERSION
#endif

#define MEMBER(name, value) "\"" name "\":\"" value "\","

static const char text[] = "{" MEMBER("vial", VIAL_VERSION_TEXT) "\"abi\":" NUMBER(VIAL_ABI_VERSION) ","
    MEMBER("target", PROCESSOR "-" SYSTEM) MEMBER("swift", VIAL_SWIFT_VERSION) MEMBER("compiler", __VERSION__)
    MEMBER("lz4", LZ4_VERSION_STRING) "\"libsodium\":\"" SODIUM_VERSION_STRING "\"}";

const char *vial_system_build_info(void) { return text; }

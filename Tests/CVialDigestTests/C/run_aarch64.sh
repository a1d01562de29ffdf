#!/bin/sh
# Builds SHA-256 and its tests for AArch64 and runs them under qemu-aarch64.
# Needs clang, gcc-aarch64-linux-gnu (for its C library) and qemu-user.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
cd "$out"
clang --target=aarch64-linux-gnu -std=gnu17 -O2 -Wall -Wextra -Werror -c \
  -I"$here/include" -I"$here/../../Sources/CVialDigest/include" "$here"/../../Sources/CVialDigest/*.c "$here"/*.c
aarch64-linux-gnu-gcc -static ./*.o -o digest_tests
qemu-aarch64 ./digest_tests

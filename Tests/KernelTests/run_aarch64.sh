#!/bin/sh
# Builds the reference kernels and the kernel tests for AArch64 and runs them under qemu-aarch64.
# Needs clang, gcc-aarch64-linux-gnu (for its C library) and qemu-user. Arguments select tests by name.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
cd "$out"
clang --target=aarch64-linux-gnu -std=gnu17 -O2 -Wall -Wextra -Werror -c \
  -I"$here/include" -I"$here/../../Sources/VialKernels/include" "$here"/../../Sources/VialKernels/*.c "$here"/*.c
aarch64-linux-gnu-gcc -static ./*.o -lm -o kernel_tests
qemu-aarch64 ./kernel_tests "$@"

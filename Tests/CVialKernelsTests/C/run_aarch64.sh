#!/bin/sh
# Builds the kernels and their tests for AArch64 and runs them under qemu-aarch64: every family on a CPU that has all
# instructions, then the dispatch and the products on CPUs that lack some (an instruction too many would be a SIGILL).
# Needs clang, gcc-aarch64-linux-gnu (for its C library) and qemu-user. Arguments select tests by name.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
cd "$out"
clang --target=aarch64-linux-gnu -std=gnu17 -O2 -Wall -Wextra -Werror -c \
  -I"$here/include" -I"$here/../../Sources/CVialKernels/include" "$here"/../../Sources/CVialKernels/*.c "$here"/*.c
aarch64-linux-gnu-gcc -static ./*.o -lm -o kernel_tests
qemu-aarch64 -cpu max ./kernel_tests families=neon_i8mm,neon_dotprod,reference "$@"
[ $# -eq 0 ] || exit 0
for cpu in neoverse-n1:neon_dotprod,reference cortex-a53:reference; do
  echo "-- ${cpu%%:*}"
  qemu-aarch64 -cpu "${cpu%%:*}" ./kernel_tests families="${cpu#*:}" dispatch matmul_int4 matmul_int8 pinned_bits
done

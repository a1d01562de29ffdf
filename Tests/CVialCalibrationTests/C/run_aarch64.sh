#!/bin/sh
# Builds the dense functions of calibration and their pinned bits for AArch64 and runs them under qemu-aarch64.
# Needs clang, gcc-aarch64-linux-gnu (for its C library) and qemu-user.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
cd "$out"
clang --target=aarch64-linux-gnu -std=gnu17 -O2 -Wall -Wextra -Werror -c \
  -I"$here/include" -I"$here/../../Sources/CVialCalibration/include" "$here"/../../Sources/CVialCalibration/*.c "$here"/*.c
aarch64-linux-gnu-gcc -static ./*.o -lm -o dense_bits
for cpu in max cortex-a53; do
  echo "-- $cpu"
  qemu-aarch64 -cpu "$cpu" ./dense_bits
done

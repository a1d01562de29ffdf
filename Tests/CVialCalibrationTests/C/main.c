// Owns: comparing the dense functions with their pinned bits as a plain program, for AArch64 under an emulator.
// Must not: be part of the SwiftPM build.
#include <stdio.h>

#include "dense_bits.h"

int main(void) {
  int failures = 0;
  for (size_t family = 0; dense_bits_family(family) != NULL; family++)
    for (size_t part = 0; dense_bits_part(part) != NULL; part++) {
      int holds = dense_bits_hold(family, part);
      printf("%-10s %-10s %s\n", dense_bits_family(family), dense_bits_part(part), holds ? "ok" : "FAILED");
      failures += !holds;
    }
  return failures != 0;
}

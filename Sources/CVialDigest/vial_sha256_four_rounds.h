// Owns: the order of the 64 rounds of one block, four at a time, and of the message schedule
// between them, for instruction sets that have instructions for both.
// Must not: name an instruction set: the including file defines FOUR_ROUNDS and SCHEDULE.
// Source: FIPS 180-4, section 6.2.
#ifndef VIAL_SHA256_FOUR_ROUNDS_H
#define VIAL_SHA256_FOUR_ROUNDS_H

/// A block whose sixteen words are in the vectors w0 to w3, which it uses up.
#define ALL_ROUNDS(w0, w1, w2, w3)       \
  do {                                   \
    FOUR_ROUNDS(w0, 0);                  \
    FOUR_ROUNDS(w1, 4);                  \
    FOUR_ROUNDS(w2, 8);                  \
    FOUR_ROUNDS(w3, 12);                 \
    for (int t = 16; t < 64; t += 16) {  \
      SCHEDULE(w0, w1, w2, w3);          \
      FOUR_ROUNDS(w0, t);                \
      SCHEDULE(w1, w2, w3, w0);          \
      FOUR_ROUNDS(w1, t + 4);            \
      SCHEDULE(w2, w3, w0, w1);          \
      FOUR_ROUNDS(w2, t + 8);            \
      SCHEDULE(w3, w0, w1, w2);          \
      FOUR_ROUNDS(w3, t + 12);           \
    }                                    \
  } while (0)

#endif

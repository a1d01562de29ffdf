// Counts what a thread allocates, for tests of memory bounds. Takes the place of malloc and its kin in the
// test's program; passes through while nothing is measured.
#ifndef ALLOCATION_METER_H
#define ALLOCATION_METER_H
#include <stdbool.h>
#include <stddef.h>

// Whether this build can measure: glibc, without a sanitizer (which has a malloc of its own).
bool allocation_meter_works(void);
// Begins to count on the calling thread, from zero.
void allocation_meter_begin(void);
// Ends counting; returns the most bytes that were allocated at once since it began.
size_t allocation_meter_end(void);
#endif

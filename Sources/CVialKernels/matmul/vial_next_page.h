// Owns: the prefetch of products that memory limits, whose weights are one stream.
// Must not: load (a prefetch may run past a tensor).
// The hardware follows one stream by itself, but ends at a page of 4 KiB, whatever the system maps:
// the head of the next page is prefetched. Prefetching every line a few KiB ahead as well keeps the
// first cache's few miss registers busy: up to 15% slower on Zen 4, the more the faster memory is.
// With more tokens the multipliers are the limit, the hardware loses the stream and every line is
// prefetched: 13 to 20% faster (Tests/Benchmarks/README.md).
#ifndef VIAL_NEXT_PAGE_H
#define VIAL_NEXT_PAGE_H
#include <stdint.h>

#include "math/vial_bits.h"

/// Up to this many tokens.
enum { VIAL_STREAM_TOKENS = 2 };

/// To be called with the address of every 64 bytes that are read.
VIAL_INLINE void vial_prefetch_next_page(const uint8_t *at) {
  enum { PAGE_BYTES = 4096, HEAD_BYTES = 512 };
  if ((uintptr_t)at % PAGE_BYTES < HEAD_BYTES) __builtin_prefetch(at + PAGE_BYTES, 0, 3);
}
#endif

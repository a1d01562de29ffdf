// Owns: the blocks of the reserve: how memory is cut into them, the lists of free ones, and how
// they grow together again.
// Must not: know where memory comes from, lock, or count promises; vial_reserve.c includes this
// once and holds its lock around every call.
#ifndef VIAL_RESERVE_BLOCKS_H
#define VIAL_RESERVE_BLOCKS_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { HEADER = 16, LEAST_BLOCK = 48, LIST_COUNT = 48, LOOK_LIMIT = 64 };

// Each block has a header that tells its length and that of the block before it. Free blocks hang
// in lists by the logarithm of their length.
typedef struct block {
  size_t before;  // length of the block before it, 0 for the first
  size_t length;  // with the header; the lowest bit: in use
} block;

/// What a free block holds behind its header.
typedef struct links {
  block *next, *previous;
} links;

static block *lists[LIST_COUNT];
static atomic_size_t available;  // bytes of free blocks and of parts that were not touched so far

static size_t length_of(const block *b) { return b->length & ~(size_t)1; }
static bool is_used(const block *b) { return b->length & 1; }
static block *behind(block *b) { return (block *)((uint8_t *)b + length_of(b)); }
static block *before(block *b) { return (block *)((uint8_t *)b - b->before); }

static links *links_of(block *b) { return (links *)(b + 1); }

static int list_of(size_t length) {
  const int list = 63 - __builtin_clzll((unsigned long long)length);
  return list < LIST_COUNT ? list : LIST_COUNT - 1;
}

static void link_free(block *b) {
  block **list = &lists[list_of(b->length)];
  links_of(b)->previous = NULL;
  links_of(b)->next = *list;
  if (*list) links_of(*list)->previous = b;
  *list = b;
  atomic_fetch_add(&available, b->length);
}

static void unlink_free(block *b) {
  block *next = links_of(b)->next, *previous = links_of(b)->previous;
  if (previous) links_of(previous)->next = next;
  else lists[list_of(b->length)] = next;
  if (next) links_of(next)->previous = previous;
  atomic_fetch_sub(&available, b->length);
}

/// Cuts a block that is in no list after `length` bytes, when a block fits behind; that one is
/// freed.
static void cut(block *b, size_t length) {
  const size_t rest = length_of(b) - length;
  if (rest < LEAST_BLOCK) return;
  block *after = behind(b);
  b->length = length;
  block *second = behind(b);
  second->before = length;
  second->length = rest;
  after->before = rest;
  link_free(second);
}

/// Makes one free block of some memory, with an end that looks used.
static void add_blocks(uint8_t *start, size_t size) {
  block *first = (block *)start;
  first->before = 0;
  first->length = size - HEADER;
  block *end = behind(first);
  end->before = first->length;
  end->length = 1;
  link_free(first);
}

/// A free block of at least so many bytes, out of its list.
static block *find(size_t length) {
  const int own = list_of(length);
  block *found = NULL;
  // Of its own list some blocks may be too short; of those above, none is.
  int looks = 0;
  for (block *b = lists[own]; b && looks < LOOK_LIMIT && !found; b = links_of(b)->next, looks++)
    if (b->length >= length) found = b;
  for (int list = own + 1; list < LIST_COUNT && !found; list++) found = lists[list];
  if (found) unlink_free(found);
  return found;
}

/// Makes the part of a block that was found an allocation at the wanted alignment.
static void *carve(block *b, size_t length, size_t alignment) {
  uintptr_t memory = ((uintptr_t)b + HEADER + alignment - 1) & ~(uintptr_t)(alignment - 1);
  while (memory != (uintptr_t)b + HEADER && memory - HEADER - (uintptr_t)b < LEAST_BLOCK) memory += alignment;
  const size_t skipped = memory - HEADER - (uintptr_t)b;
  if (skipped > 0) {
    block *second = (block *)(memory - HEADER);
    second->before = skipped;
    second->length = length_of(b) - skipped;
    behind(second)->before = second->length;
    b->length = skipped;
    link_free(b);
    b = second;
  }
  cut(b, length);
  b->length |= 1;
  return (uint8_t *)b + HEADER;
}

static block *block_of(const void *memory) { return (block *)((uintptr_t)memory - HEADER); }

/// Wipes an allocation, and makes its block and free ones beside it one free block.
static void free_block(void *memory) {
  block *b = block_of(memory);
  b->length &= ~(size_t)1;
  memset(memory, 0, b->length - HEADER);
  __asm__ volatile("" : : "r"(memory) : "memory");
  block *after = behind(b);
  if (!is_used(after)) {
    unlink_free(after);
    b->length += after->length;
  }
  if (b->before > 0 && !is_used(before(b))) {
    block *first = before(b);
    unlink_free(first);
    first->length += b->length;
    b = first;
  }
  behind(b)->before = b->length;
  link_free(b);
}

#endif

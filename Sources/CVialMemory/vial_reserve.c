// Owns: the reserve: how much of it is promised, the memory it lies in, and allocation from it.
// Must not: call malloc, or be fast at taking: that happens when there is no other memory.
//
// The memory is in parts: one in the library's own data, others mapped while promises need them. A
// part is cut into blocks (vial_reserve_blocks.h). One lock guards all of it; promises are counted
// without.
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>

#include "vial_memory.h"
#include "vial_reserve_blocks.h"

#ifndef MAP_ANONYMOUS
#define MAP_ANONYMOUS MAP_ANON
#endif

enum { PART_LIMIT = 64 };
/// Parts are mapped in units of this, and no smaller ones.
#ifdef VIAL_RESERVE_IS_EXACT
#define PART_UNIT ((size_t)1 << 14)
#else
#define PART_UNIT ((size_t)1 << 20)
#endif
/// A part up to this size stays although nobody needs it, so that calls which come and go do not
/// map and unmap.
#define KEPT_PART ((size_t)4 << 20)
#define LARGEST_ALIGNMENT ((size_t)1 << 14)
/// More is never asked for: sums of a few of these do not overflow.
#define LARGEST ((size_t)1 << 46)

typedef struct part {
  _Atomic(uintptr_t) start;
  atomic_size_t size;  // 0: unused
  bool is_cut;  // into blocks; before that nothing of it was touched
} part;

static _Alignas(64) uint8_t base[VIAL_RESERVE_BASE_BYTES];
static part parts[PART_LIMIT];
static atomic_int part_end;  // parts behind this one were never used
static atomic_size_t promised;
static atomic_size_t drop_capacity = SIZE_MAX;  // bytes beyond the promises from which on some part is not needed
static bool is_ready;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void vial_reserve_lock(void) { pthread_mutex_lock(&lock); }
void vial_reserve_unlock(void) { pthread_mutex_unlock(&lock); }

// ---- Parts --------------------------------------------------------------------------------------

static void get_ready(void) {
  if (is_ready) return;
  is_ready = true;
  add_blocks(base, sizeof base);
}

/// What has to be free besides the promises before a part of this size is given back.
static size_t capacity_to_drop(size_t size) { return size + (size <= KEPT_PART ? KEPT_PART : 0); }

static void note_parts(void) {
  size_t least = SIZE_MAX;
  for (int i = 0; i < atomic_load(&part_end); i++) {
    const size_t size = atomic_load(&parts[i].size);
    if (size > 0 && capacity_to_drop(size) < least) least = capacity_to_drop(size);
  }
  atomic_store(&drop_capacity, least);
}

/// Maps a part of `size` bytes, a multiple of the unit.
static part *add_part(size_t size) {
  int slot = 0;
  while (slot < PART_LIMIT && atomic_load(&parts[slot].size) != 0) slot++;
  if (slot == PART_LIMIT) return NULL;
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return NULL;
  parts[slot].is_cut = false;
  atomic_store(&parts[slot].start, (uintptr_t)memory);
  atomic_store(&parts[slot].size, size);
  if (slot >= atomic_load(&part_end)) atomic_store(&part_end, slot + 1);
  note_parts();
  atomic_fetch_add(&available, size - HEADER);
  return &parts[slot];
}

/// Makes a part's memory a free block. The first time that anything of it is touched.
static void cut_part(part *p) {
  const size_t size = atomic_load(&p->size);
  uint8_t *start = (uint8_t *)atomic_load(&p->start);
#ifdef MADV_DONTDUMP
  (void)madvise(start, size, MADV_DONTDUMP);
#endif
  p->is_cut = true;
  atomic_fetch_sub(&available, size - HEADER);
  add_blocks(start, size);
}

static size_t rounded(size_t size) { return (size + PART_UNIT - 1) / PART_UNIT * PART_UNIT; }

/// Whether the reserve lacks something for what is promised and `more`.
static bool is_short(size_t more) {
  return atomic_load(&promised) + more + VIAL_RESERVE_SPARE_BYTES > atomic_load(&available);
}

/// The size of the next part, when `size` bytes are missing: parts grow with what there is, so that
/// tens of thousands of small promises need few of them.
static size_t next_size(size_t size) {
#ifdef VIAL_RESERVE_IS_EXACT
  return size;
#endif
  const size_t quarter = rounded(atomic_load(&available) / 4);
  const size_t usual = quarter < KEPT_PART ? quarter : KEPT_PART;
  return size > usual ? size : usual;
}

/// Gets what promises, and `more`, lack.
static bool fill(size_t more) {
  while (is_short(more)) {
    const size_t wanted = atomic_load(&promised) + more + VIAL_RESERVE_SPARE_BYTES;
    const size_t there = atomic_load(&available);
    if (wanted <= there) continue;
    const size_t size = rounded(wanted - there + LEAST_BLOCK);
    if (!add_part(next_size(size)) && !add_part(size)) return false;
  }
  return true;
}

/// Gives a part back to the system when all of it is free and no promise needs it.
static void drop_part(part *p) {
  const size_t size = atomic_load(&p->size);
  block *first = (block *)atomic_load(&p->start);
  if (size == 0 || (p->is_cut && (is_used(first) || first->length != size - HEADER))) return;
  // Taken out first: who holds at the same moment either sees that it is gone, or is seen here.
  if (p->is_cut) unlink_free(first);
  else atomic_fetch_sub(&available, size - HEADER);
  const size_t needed = atomic_load(&promised) + VIAL_RESERVE_SPARE_BYTES + capacity_to_drop(size) - size;
  if (needed > atomic_load(&available)) {
    if (p->is_cut) link_free(first);
    else atomic_fetch_add(&available, size - HEADER);
    return;
  }
  atomic_store(&p->size, 0);
  note_parts();
  munmap(first, size);
}

static part *part_of(const void *memory) {
  const uintptr_t address = (uintptr_t)memory;
  const int end = atomic_load_explicit(&part_end, memory_order_acquire);
  for (int i = 0; i < end; i++) {
    const uintptr_t start = atomic_load_explicit(&parts[i].start, memory_order_relaxed);
    if (address - start < atomic_load_explicit(&parts[i].size, memory_order_relaxed)) return &parts[i];
  }
  return NULL;
}

/// Whether an address that is in use lies in the reserve. Without the lock: the part of memory that
/// is in use stays, and a part that comes or goes meanwhile is looked for again with it.
static bool is_inside(const void *memory) {
  return (uintptr_t)memory - (uintptr_t)base < sizeof base || part_of(memory) != NULL;
}

// ---- Promises -----------------------------------------------------------------------------------

/// Half as much again for headers, lengths that are rounded up, and pieces too small for what is
/// wanted.
static size_t portion_of(size_t byte_count) { return byte_count + byte_count / 2; }

/// Whether so much memory can be had by mapping it.
static bool can_map(size_t byte_count) {
  if (byte_count > LARGEST) return false;
  const size_t size = rounded(byte_count + 1);
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return false;
  munmap(memory, size);
  return true;
}

bool vial_reserve_is_whole(void) {
  if (!vial_reserve_is_behind_malloc()) return can_map(atomic_load(&promised));
  if (!is_short(0)) return true;
  vial_reserve_lock();
  get_ready();
  const bool is_whole = fill(0);
  vial_reserve_unlock();
  return is_whole;
}

/// Promises so much when it is there. What cannot be had is never counted, not even for a moment:
/// others would find the reserve short.
static bool promise(size_t portion) {
  size_t before = atomic_load(&promised);
  do
    if (before + portion + VIAL_RESERVE_SPARE_BYTES > atomic_load(&available)) return false;
  while (!atomic_compare_exchange_weak(&promised, &before, before + portion));
  // A part that was given back meanwhile: whoever did saw the promise, or is seen here.
  if (!is_short(0)) return true;
  atomic_fetch_sub(&promised, portion);
  return false;
}

bool vial_reserve_hold(size_t byte_count) {
  if (byte_count > LARGEST) return false;
  const size_t portion = portion_of(byte_count);
  if (!vial_reserve_is_behind_malloc()) {
    if (!can_map(atomic_load(&promised) + portion)) return false;
    atomic_fetch_add(&promised, portion);
    return true;
  }
  if (promise(portion)) return true;
  vial_reserve_lock();
  get_ready();
  bool is_held = false;
  while (!is_held && fill(portion)) is_held = promise(portion);
  vial_reserve_unlock();
  return is_held;
}

void vial_reserve_release(size_t byte_count) {
  const size_t portion = portion_of(byte_count);
  const size_t needed = atomic_fetch_sub(&promised, portion) - portion + VIAL_RESERVE_SPARE_BYTES;
  const size_t there = atomic_load(&available);
  if (there < needed || there - needed < atomic_load(&drop_capacity)) return;
  vial_reserve_lock();
  for (int i = 0; i < atomic_load(&part_end); i++) drop_part(&parts[i]);
  vial_reserve_unlock();
}

// ---- Taking -------------------------------------------------------------------------------------

/// The same, if need be from a part that was not touched so far, or from a new one: more may be
/// wanted than was promised, or in larger pieces.
static block *obtain(size_t length) {
  block *found = find(length);
  for (int i = 0; i < atomic_load(&part_end) && !found; i++) {
    const size_t size = atomic_load(&parts[i].size);
    if (parts[i].is_cut || size < length + HEADER) continue;
    cut_part(&parts[i]);
    found = find(length);
  }
  if (found) return found;
#ifdef VIAL_RESERVE_IS_EXACT
  return NULL;  // a test of the promises
#endif
  part *new_part = add_part(rounded(length + HEADER));
  if (!new_part) return NULL;
  cut_part(new_part);
  return find(length);
}

void *vial_reserve_take(size_t byte_count, size_t alignment) {
  if (byte_count > LARGEST || alignment > LARGEST_ALIGNMENT) return NULL;
  if (alignment < 16) alignment = 16;
  size_t length = ((byte_count + 15) & ~(size_t)15) + HEADER;
  if (length < LEAST_BLOCK) length = LEAST_BLOCK;
  const size_t wanted = length + (alignment > 16 ? alignment + LEAST_BLOCK : 0);
  vial_reserve_lock();
  get_ready();
  block *found = obtain(wanted);
  void *memory = found ? carve(found, length, alignment) : NULL;
  vial_reserve_unlock();
  return memory;
}

bool vial_reserve_give_back(void *memory) {
  if (!memory || !is_inside(memory)) return false;
  vial_reserve_lock();
  const bool is_ours = is_inside(memory);
  if (is_ours) free_block(memory);
  vial_reserve_unlock();
  return is_ours;
}

size_t vial_reserve_capacity(const void *memory) {
  if (!memory || !is_inside(memory)) return 0;
  vial_reserve_lock();
  const size_t capacity = is_inside(memory) ? length_of(block_of(memory)) - HEADER : 0;
  vial_reserve_unlock();
  return capacity;
}

vial_reserve_state vial_reserve_look(void) {
  vial_reserve_lock();
  get_ready();
  vial_reserve_state state = {atomic_load(&available), atomic_load(&promised), 1};
  for (int i = 0; i < PART_LIMIT; i++) state.part_count += atomic_load(&parts[i].size) != 0;
  vial_reserve_unlock();
  return state;
}

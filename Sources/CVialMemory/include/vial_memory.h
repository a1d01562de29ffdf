// Owns: memory that may be short: allocation that can fail, and the reserve for what cannot.
// Must not: know who needs memory, or what for.
//
// Swift ends the process when an object or an array cannot be allocated. So whatever grows with a
// file or an argument comes from `vial_memory_allocate`, which may say no; and whoever runs Swift
// code holds a reserve for the bounded rest first. In libvial (bindings/c/packaging/allocation.c)
// the reserve is memory that stays held: when the C library has none left, what cannot fail takes
// it from there. Elsewhere holding only proves, by mapping and unmapping, that so much memory can
// be had.
#ifndef VIAL_MEMORY_H
#define VIAL_MEMORY_H
#include <stdbool.h>
#include <stddef.h>

/// Bytes that are always there: in the library's own data, so that closing and reporting work
/// without any other.
#ifdef VIAL_RESERVE_IS_EXACT
#define VIAL_RESERVE_BASE_BYTES ((size_t)96 << 10)
#else
#define VIAL_RESERVE_BASE_BYTES ((size_t)2 << 20)
#endif
/// Of these, what is promised to nobody: calls that close, that report a failure, or that cannot
/// fail.
#ifdef VIAL_RESERVE_IS_EXACT
#define VIAL_RESERVE_SPARE_BYTES ((size_t)8 << 10)
#else
#define VIAL_RESERVE_SPARE_BYTES ((size_t)256 << 10)
#endif

/// `byte_count` bytes at a multiple of 16, or NULL when memory is short. Never from the reserve;
/// given back with free().
void *vial_memory_allocate(size_t byte_count);

/// The same at a multiple of `alignment`, a power of two of 16 or more.
void *vial_memory_allocate_aligned(size_t alignment, size_t byte_count);

/// Where memory for patients' text comes from: `allocate` as below, with a note that `release` gets
/// back with the bytes.
typedef struct vial_secret_source {
  void *(*allocate)(size_t byte_count, void **out_note);
  void (*release)(void *memory, size_t byte_count, void *note);
} vial_secret_source;

/// Has memory for text come from `source`, whose functions never change, from now on. Any thread.
void vial_set_secret_source(vial_secret_source source);

/// `byte_count` bytes for text at a multiple of 16, or NULL when memory is short. From
/// `vial_memory_allocate`, with NULL as the note, where no source was set.
void *vial_secret_allocate(size_t byte_count, void **out_note);

/// Wipes memory for text and gives it back.
void vial_secret_release(void *memory, size_t byte_count, void *note);

/// Holds memory for allocations of `byte_count` bytes together, small ones' overhead included;
/// false, and nothing is held, when memory is short. Any thread; held for all threads. O(1); a few
/// nanoseconds while the reserve is large enough.
bool vial_reserve_hold(size_t byte_count);

/// Gives back what was held. What was allocated from it stays valid.
void vial_reserve_release(size_t byte_count);

/// Whether all that is held is there, when need be after getting more. False after memory was short
/// and as long as it is.
bool vial_reserve_is_whole(void);

/// Whether allocations that cannot fail come from the reserve when the C library has no memory.
bool vial_reserve_is_behind_malloc(void);

// ---- For whoever stands behind malloc -----------------------------------------------------------

/// `byte_count` bytes at a multiple of `alignment` (a power of two) from the reserve, or NULL when
/// it has no room.
void *vial_reserve_take(size_t byte_count, size_t alignment);

/// Takes back, and wipes, what came from the reserve; false when `memory` did not.
bool vial_reserve_give_back(void *memory);

/// Bytes that fit where `memory` is; 0 when it is not in the reserve.
size_t vial_reserve_capacity(const void *memory);

/// Keeps the reserve consistent over fork(): before it, and after it in both processes.
void vial_reserve_lock(void);
void vial_reserve_unlock(void);

// ---- For tests ----------------------------------------------------------------------------------

/// What the reserve has and has promised, in bytes. Parts: pieces of memory that it lies in.
typedef struct vial_reserve_state {
  size_t available, promised, part_count;
} vial_reserve_state;
vial_reserve_state vial_reserve_look(void);
#endif

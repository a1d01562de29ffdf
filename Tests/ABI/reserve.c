/* Owns: the reserve by itself (Sources/CVialMemory): what it hands out is whole and nobody else's, what it promises is
 * there, what is not needed goes back, from many threads and over a fork.
 * Built with vial_reserve.c. Must not: know the library. */
#define _GNU_SOURCE
#include "vial_memory.h"

#include "check.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

bool vial_reserve_is_behind_malloc(void) { return true; }

enum { PLACES = 600, ROUNDS = 200000, THREADS = 4 };

typedef struct place {
  uint8_t *memory;
  size_t size;
  uint8_t mark;
} place;

static uint64_t chance(uint64_t *state, uint64_t below) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (*state >> 33) % below;
}

static size_t some_size(uint64_t *state) {
  const uint64_t kind = chance(state, 20);
  return chance(state, kind < 14 ? 300 : kind < 19 ? 9000 : 400000);
}

static void empty(place *place) {
  for (size_t i = 0; i < place->size; i += 1 + place->size / 13) CHECK(place->memory[i] == place->mark);
  CHECK(place->size == 0 || place->memory[place->size - 1] == place->mark);
  CHECK(vial_reserve_capacity(place->memory) >= place->size);
  CHECK(vial_reserve_give_back(place->memory));
  place->memory = NULL;
}

static void fill(place *place, uint64_t *state) {
  const size_t alignment = (size_t)16 << (chance(state, 6) == 0 ? chance(state, 8) : 0);
  place->size = some_size(state);
  place->memory = vial_reserve_take(place->size, alignment);
  CHECK(place->memory != NULL && (uintptr_t)place->memory % alignment == 0);
  place->mark = (uint8_t)chance(state, 256);
  memset(place->memory, place->mark, place->size);
}

static void *turnover(void *number) {
  static _Thread_local place places[PLACES];
  uint64_t state = (uint64_t)(uintptr_t)number + 1;
  for (int round = 0; round < ROUNDS; round++) {
    place *at = &places[chance(&state, PLACES)];
    if (at->memory != NULL) empty(at);
    else fill(at, &state);
    if (round % 7 == 0) {
      const size_t held = chance(&state, 8) == 0 ? some_size(&state) * 40 : some_size(&state);
      if (vial_reserve_hold(held)) vial_reserve_release(held);
      else CHECK(!"nothing is short");
    }
  }
  for (int i = 0; i < PLACES; i++)
    if (places[i].memory != NULL) empty(&places[i]);
  return NULL;
}

static void from_many_threads(void) {
  pthread_t threads[THREADS];
  const vial_reserve_state before = vial_reserve_look();
  for (uintptr_t i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, turnover, (void *)i) == 0);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  CHECK(vial_reserve_hold(1));
  vial_reserve_release(1);
  const vial_reserve_state after = vial_reserve_look();
  CHECK(after.promised == before.promised);
  /* All blocks have come together again: parts are whole pages, but for the note that each begins with. Parts that nobody
   * needs are gone, a few small ones excepted; those that came before may have gone, too. */
  const size_t page = 4096, note = (page - before.available % page) / before.part_count;
  CHECK((after.available + note * after.part_count) % page == 0);
  CHECK(after.available >= after.promised + VIAL_RESERVE_SPARE_BYTES);
  CHECK(after.available <= before.available + ((size_t)9 << 20));
}

/** What is promised is there whoever else takes what is his. */
static void promises(void) {
  enum { MANY = 40, EACH = 600 << 10 };
  void *taken[MANY][6];
  const vial_reserve_state before = vial_reserve_look();
  for (int i = 0; i < MANY; i++) CHECK(vial_reserve_hold(EACH));
  vial_reserve_state state = vial_reserve_look();
  CHECK(state.promised >= before.promised + MANY * (size_t)EACH);
  CHECK(state.available >= state.promised + VIAL_RESERVE_SPARE_BYTES);
  const size_t parts = state.part_count;
  for (int i = 0; i < MANY; i++)
    for (int j = 0; j < 6; j++) CHECK((taken[i][j] = vial_reserve_take(100 << 10, 16)) != NULL);
  CHECK(vial_reserve_look().part_count == parts);
  for (int i = 0; i < MANY; i++) vial_reserve_release(EACH);
  /* What was taken stays when the promise ends, and the next one finds out that it is missing. */
  CHECK(vial_reserve_hold(EACH));
  state = vial_reserve_look();
  CHECK(state.available >= state.promised + VIAL_RESERVE_SPARE_BYTES);
  vial_reserve_release(EACH);
  for (int i = 0; i < MANY; i++)
    for (int j = 0; j < 6; j++) CHECK(vial_reserve_give_back(taken[i][j]));
  CHECK(vial_reserve_hold(1));
  vial_reserve_release(1);
  CHECK(vial_reserve_look().promised == before.promised);
}

/** As many small promises as there can be open requests. */
static void many_small_promises(void) {
  enum { MANY = 65535, EACH = 1 << 10 };
  const vial_reserve_state before = vial_reserve_look();
  int held = 0;
  while (held < MANY && vial_reserve_hold(EACH)) held++;
  CHECK(held == MANY);
  const vial_reserve_state state = vial_reserve_look();
  CHECK(state.available >= state.promised + VIAL_RESERVE_SPARE_BYTES && state.part_count < 40);
  for (int i = 0; i < held; i++) vial_reserve_release(EACH);
  CHECK(vial_reserve_look().promised == before.promised);
  CHECK(vial_reserve_look().available <= before.available + ((size_t)9 << 20));
}

static void strangers(void) {
  static char own[64];
  void *memory = malloc(64);
  CHECK(!vial_reserve_give_back(memory) && vial_reserve_capacity(memory) == 0);
  CHECK(!vial_reserve_give_back(own + 16) && !vial_reserve_give_back(NULL));
  CHECK(vial_reserve_take(SIZE_MAX, 16) == NULL && vial_reserve_take(SIZE_MAX / 2, 16) == NULL);
  CHECK(!vial_reserve_hold(SIZE_MAX) && !vial_reserve_hold((size_t)1 << 45));
  CHECK(vial_reserve_is_whole());
  free(memory);
}

/** Memory of the reserve is zero for the next who gets it: it may have held a patient's text. */
static void wiped(void) {
  uint8_t *memory = vial_reserve_take(5000, 16);
  memset(memory, 0xA5, 5000);
  CHECK(vial_reserve_give_back(memory));
  int left = 0;
  for (int i = 64; i < 4900; i++) left += memory[i] == 0xA5;
  CHECK(left == 0);
}

static void *hold_and_take(void *stops) {
  uint64_t state = 99;
  while (!__atomic_load_n((int *)stops, __ATOMIC_RELAXED)) {
    place place = {NULL, 0, 0};
    if (vial_reserve_hold(20 << 20)) vial_reserve_release(20 << 20);
    fill(&place, &state);
    empty(&place);
  }
  return NULL;
}

/** A child takes and gives back whatever the parent's threads were doing. */
static void over_forks(void) {
  pthread_t thread;
  int stops = 0;
  CHECK(pthread_atfork(vial_reserve_lock, vial_reserve_unlock, vial_reserve_unlock) == 0);
  CHECK(pthread_create(&thread, NULL, hold_and_take, &stops) == 0);
  for (int i = 0; i < 200; i++) {
    const pid_t child = fork();
    if (child == 0) {
      alarm(10);
      void *memory = vial_reserve_take(1000, 16);
      _exit(memory != NULL && vial_reserve_hold(1000) && vial_reserve_give_back(memory) ? 0 : 1);
    }
    int status = 0;
    CHECK(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  __atomic_store_n(&stops, 1, __ATOMIC_RELAXED);
  pthread_join(thread, NULL);
}

/** Without address space the base is all there is, and it says so. */
static void without_memory(void) {
  struct rlimit limit;
  getrlimit(RLIMIT_AS, &limit);
  const rlim_t before = limit.rlim_cur;
  limit.rlim_cur = 0;
  CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
  CHECK(!vial_reserve_hold((size_t)64 << 20));
  CHECK(vial_reserve_hold(100 << 10));
  void *memory = vial_reserve_take(100 << 10, 16);
  CHECK(memory != NULL && vial_reserve_take((size_t)64 << 20, 16) == NULL);
  vial_reserve_release(100 << 10);
  while (vial_reserve_take(60 << 10, 16) != NULL) continue;
  CHECK(!vial_reserve_hold(60 << 10));
  limit.rlim_cur = before;
  CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
  CHECK(vial_reserve_is_whole() && vial_reserve_hold(60 << 10));
  vial_reserve_release(60 << 10);
}

int main(void) {
  strangers();
  wiped();
  promises();
  many_small_promises();
  from_many_threads();
  over_forks();
  promises();
  without_memory();
  return finish("reserve");
}

/* Owns: callbacks that use other engines: whatever they close, cancel, wait for or forget, none waits for ever, and no
 * callback of a request begins once it was closed. Usage: callbacks MODEL, under a limit in time. */
#define _POSIX_C_SOURCE 200809L
#include "vial.h"

#include "check.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

enum { MOST = 3 };

/** An engine with one long request, whose callback does something once, together with those of the others. */
struct side {
  vial_engine *engine;
  vial_request *request, *polled;
  struct side *next;
  void (*act)(struct side *);
  int acted;
  int closed; /* its request was closed, by whomever */
  int late;   /* callbacks that began after that */
};

static struct side sides[MOST];
static int count, done;
static vial_model *model;
static pthread_barrier_t together;

static int read_int(int *value) { return __atomic_load_n(value, __ATOMIC_SEQ_CST); }
static void write_int(int *value, int now) { __atomic_store_n(value, now, __ATOMIC_SEQ_CST); }
static void raise_int(int *value) { __atomic_fetch_add(value, 1, __ATOMIC_SEQ_CST); }

static void nap(void) {
  struct timespec time = {0, 1000000};
  nanosleep(&time, NULL);
}

static void on_event(void *context, const vial_event *event) {
  struct side *side = context;
  char text[64];
  if (read_int(&side->closed)) raise_int(&side->late);
  if (read_int(&side->acted) || event->kind != VIAL_EVENT_TOKEN) return;
  write_int(&side->acted, 1);
  uint64_t length = event->text.length < sizeof text ? event->text.length : sizeof text;
  if (length > 0) memcpy(text, event->text.data, length);
  pthread_barrier_wait(&together);
  side->act(side);
  /* Whoever closed this request meanwhile, its event is valid until this returns. */
  CHECK(length == 0 || memcmp(text, event->text.data, length) == 0);
  raise_int(&done);
}

static void on_line(void *context, uint32_t level, const char *sentence) {
  struct side *side = context;
  (void)level;
  /* The first line comes before there is a request, those of ends while callbacks of others run. */
  if (read_int(&side->acted) || strstr(sentence, "ended") == NULL) return;
  write_int(&side->acted, 1);
  pthread_barrier_wait(&together);
  side->act(side);
  raise_int(&done);
}

static void close_next(struct side *side) {
  vial_request_close(side->next->request);
  write_int(&side->next->closed, 1);
}

static void close_own(struct side *side) {
  vial_request_close(side->request);
  write_int(&side->closed, 1);
}

static void close_all(struct side *side) {
  (void)side;
  for (int index = 0; index < count; index++) {
    vial_request_close(sides[index].request);
    write_int(&sides[index].closed, 1);
  }
}

/** Events of polled requests come whatever callbacks do. */
static void wait_for_next(struct side *side) {
  vial_event event = VIAL_EVENT_INIT;
  STATUS(VIAL_STATUS_OK, vial_request_next_event(side->next->polled, VIAL_WAIT_FOREVER, &event));
  STATUS(VIAL_STATUS_OK, vial_engine_next_event(side->next->engine, VIAL_WAIT_FOREVER, &event));
}

static void forget_next(struct side *side) {
  STATUS(VIAL_STATUS_OK, vial_engine_clear_tenant(side->next->engine, (vial_text){"a", 1}, NULL));
  STATUS(VIAL_STATUS_OK, vial_engine_set_weight(side->next->engine, (vial_text){"a", 1}, 2, NULL));
  STATUS(VIAL_STATUS_OK, vial_engine_clear_tenant(side->engine, (vial_text){NULL, 0}, NULL));
  STATUS(VIAL_STATUS_IN_CALLBACK, vial_engine_close(side->next->engine));
  STATUS(VIAL_STATUS_IN_CALLBACK, vial_engine_close(side->engine));
}

static int32_t close_on_the_way(void *context, uint64_t reached, uint64_t total) {
  (void)total;
  if (reached == 1) close_next(context);
  return 0;
}

/** A callback within a callback. */
static void close_while_scoring(struct side *side) {
  static const uint32_t ids[4] = {1, 2, 3, 4};
  float scores[4];
  vial_score_options options = VIAL_SCORE_OPTIONS_INIT;
  options.thread_count = 1;
  options.progress = close_on_the_way;
  options.progress_context = side;
  STATUS(VIAL_STATUS_OK, vial_model_score(model, ids, 4, &options, scores, NULL));
}

static vial_request *submitted(struct side *side, int is_called, uint32_t tokens) {
  static const uint32_t ids[4] = {1, 2, 3, 4};
  vial_request_options options = VIAL_REQUEST_OPTIONS_INIT;
  vial_request *request = NULL;
  options.tokens = ids;
  options.token_count = 4;
  options.max_tokens = tokens;
  options.event_context = side;
  if (is_called) options.on_event = on_event;
  STATUS(VIAL_STATUS_OK, vial_engine_submit(side->engine, &options, &request, NULL));
  return request;
}

/** Opens engines in a ring, lets each callback act while those of the others run, and closes everything. */
static void ring(const char *what, int engines, void (*act)(struct side *), int by_log) {
  fprintf(stderr, "callbacks: %d engines, %s\n", engines, what);
  memset(sides, 0, sizeof sides);
  count = engines;
  done = 0;
  pthread_barrier_init(&together, NULL, (unsigned)engines);
  for (int index = 0; index < engines; index++) {
    vial_engine_options options = VIAL_ENGINE_OPTIONS_INIT;
    struct side *side = &sides[index];
    side->next = &sides[(index + 1) % engines];
    options.thread_count = 1;
    /* The last of the ring acts on its log's thread, the others in events. */
    if (by_log && index == engines - 1) {
      options.log = on_line;
      options.log_context = side;
    }
    STATUS(VIAL_STATUS_OK, vial_engine_open(model, &options, &side->engine, NULL));
    side->act = act;
  }
  /* Polled ones first, whose events are waited for. */
  for (int index = 0; index < engines; index++) sides[index].polled = submitted(&sides[index], 0, 1500);
  for (int index = 0; index < engines; index++) {
    int is_logged = by_log && index == engines - 1;
    /* Set before its callback can act: handles are handed to others. */
    write_int(&sides[index].acted, !is_logged);
    sides[index].request = submitted(&sides[index], !is_logged, is_logged ? 1 : 1500);
  }
  for (int index = 0; index < engines; index++)
    if (!(by_log && index == engines - 1)) write_int(&sides[index].acted, 0);
  while (read_int(&done) < engines) nap();
  for (int index = 0; index < engines; index++) vial_request_close(sides[index].polled);
  for (int index = 0; index < engines; index++) {
    vial_request_close(sides[index].request);
    STATUS(VIAL_STATUS_OK, vial_engine_close(sides[index].engine));
    CHECK(read_int(&sides[index].late) == 0);
  }
  pthread_barrier_destroy(&together);
}

static int running;

static void slow(void *context, const vial_event *event) {
  (void)context;
  (void)event;
  raise_int(&running);
  for (int round = 0; round < 20; round++) nap();
  __atomic_fetch_sub(&running, 1, __ATOMIC_SEQ_CST);
}

/** From a thread of the host's, closing waits: the context may go afterwards. */
static void closing_waits_elsewhere(void) {
  static const uint32_t ids[2] = {1, 2};
  vial_engine *engine = NULL;
  vial_request *request = NULL;
  vial_request_options options = VIAL_REQUEST_OPTIONS_INIT;
  STATUS(VIAL_STATUS_OK, vial_engine_open(model, NULL, &engine, NULL));
  options.tokens = ids;
  options.token_count = 2;
  options.max_tokens = 500;
  options.on_event = slow;
  STATUS(VIAL_STATUS_OK, vial_engine_submit(engine, &options, &request, NULL));
  while (read_int(&running) == 0) nap();
  vial_request_close(request);
  CHECK(read_int(&running) == 0);
  STATUS(VIAL_STATUS_OK, vial_engine_close(engine));
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  STATUS(VIAL_STATUS_OK, vial_model_open(argv[1], NULL, &model, NULL));
  for (int engines = 2; engines <= MOST; engines++) {
    for (int by_log = 0; by_log < 2; by_log++) {
      ring("each closes the next one's request", engines, close_next, by_log);
      ring("each closes all requests", engines, close_all, by_log);
      ring("each closes its own request", engines, close_own, by_log);
      ring("each waits for events of the next one", engines, wait_for_next, by_log);
      ring("each closes the next one's request while it scores", engines, close_while_scoring, by_log);
      ring("each forgets tenants of the next one, and closes engines in vain", engines, forget_next, by_log);
    }
  }
  closing_waits_elsewhere();
  vial_model_close(model);
  return finish("callbacks.c");
}

/* Owns: what misuse_requests.c and misuse_lifetimes.c share: a model, an engine, requests to them, and every call with
 * handles that are none. Each includes it once. Must not: decide what is misused. */
#ifndef MISUSE_REQUESTS_H
#define MISUSE_REQUESTS_H
#include "vial.h"

#include "check.h"

static vial_model *model;
static vial_engine *engine;
static const uint32_t ids[4] = {1, 2, 3, 4};

/** A request for `tokens` tokens after `ids`. */
static vial_request_options continuation(uint32_t tokens) {
  vial_request_options options = VIAL_REQUEST_OPTIONS_INIT;
  options.tokens = ids;
  options.token_count = 4;
  options.max_tokens = tokens;
  return options;
}

static vial_request *submitted(uint32_t tokens) {
  vial_request *request = NULL;
  vial_request_options options = continuation(tokens);
  STATUS(VIAL_STATUS_OK, vial_engine_submit(engine, &options, &request, NULL));
  return request;
}

/** Reads events to the end; returns why it ended. */
static uint32_t drained(vial_request *request) {
  vial_event event = VIAL_EVENT_INIT;
  uint32_t reason = VIAL_FINISH_NONE;
  while (vial_request_next_event(request, VIAL_WAIT_FOREVER, &event) == VIAL_STATUS_OK) reason = event.finish_reason;
  return reason;
}

/** Every function with an engine and a request that are none. */
static void bad_handles(vial_engine *bad, vial_request *worse, vial_status expected) {
  vial_request *request = NULL;
  vial_request_options options = continuation(2);
  vial_engine_info engine_information = VIAL_ENGINE_INFO_INIT;
  vial_request_info information = VIAL_REQUEST_INFO_INIT;
  vial_event event = VIAL_EVENT_INIT;
  uint64_t count = 7;
  int32_t descriptor = 0;
  uint32_t tokens[4];
  float scores[4];
  vial_alternative likely;
  char text[16];
  vial_engine_metrics metrics = VIAL_ENGINE_METRICS_INIT;
  STATUS(expected, vial_engine_get_info(bad, &engine_information));
  STATUS(expected, vial_engine_get_metrics(bad, &metrics));
  STATUS(expected, vial_engine_copy_metrics_text(bad, text, sizeof text, &count));
  STATUS(expected, vial_engine_set_weight(bad, (vial_text){"a", 1}, 1, NULL));
  STATUS(expected, vial_engine_clear_tenant(bad, (vial_text){"a", 1}, NULL));
  STATUS(expected, vial_engine_submit(bad, &options, &request, NULL));
  CHECK(request == NULL);
  STATUS(expected, vial_engine_next_event(bad, 0, &event));
  STATUS(expected, vial_engine_get_event_descriptor(bad, &descriptor));
  CHECK(descriptor == -1);
  STATUS(expected, vial_request_next_event(worse, VIAL_WAIT_FOREVER, &event));
  CHECK(event.kind == VIAL_EVENT_NONE && event.text.data == NULL);
  STATUS(expected, vial_request_cancel(worse));
  STATUS(expected, vial_request_get_info(worse, &information));
  STATUS(expected, vial_request_copy_text(worse, VIAL_PART_ANSWER, text, sizeof text, &count));
  STATUS(expected, vial_request_copy_tokens(worse, tokens, 4, &count));
  CHECK(count == 0);
  STATUS(expected, vial_request_copy_prompt_scores(worse, scores, 4, &count));
  STATUS(expected, vial_request_copy_prompt_alternatives(worse, 1, &likely, 1, &count));
  vial_request_close(worse);
  if (bad != NULL) STATUS(expected, vial_engine_close(bad));
}

#endif

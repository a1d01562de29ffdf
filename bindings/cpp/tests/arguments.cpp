// Owns: that every member of every options type reaches C, and what C fills in comes back: the C
// functions are this file's own, and look at each field.
// Must not: need a model.
// Usage: arguments
#include "vial.hpp"

#include "check.h"

#include <cstddef>
#include <new>

namespace {

std::string_view view(const vial_text &text) { return std::string_view(text.data, text.length); }

/** A handle that the fakes give out. */
template <class Handle> Handle *fake(std::uintptr_t number) { return reinterpret_cast<Handle *>(number); }

/** What the callbacks of memory lend. */
char lent = 0;
bool wants_defaults = false;
/** What the last request was submitted with. */
vial_event_callback on_event = nullptr;
void *event_context = nullptr;
vial_status answer_with = VIAL_STATUS_OK;

vial_status told(vial_error *error) {
  CHECK(error != nullptr && error->struct_size == sizeof(vial_error));
  error->status = answer_with;
  error->rule = 203;
  error->system_code = 7;
  error->byte_offset = 11;
  std::snprintf(error->message, sizeof error->message, "what is wrong");
  return answer_with;
}

} // namespace

extern "C" {

vial_status vial_model_open(const char *path, const vial_model_options *options, vial_model **out_model,
                            vial_error *out_error) {
  const vial_model_options initial = VIAL_MODEL_OPTIONS_INIT;
  CHECK(std::string_view(path) == "some/模型.vial");
  CHECK(options->struct_size == sizeof *options);
  if (wants_defaults) {
    CHECK(std::memcmp(options, &initial, sizeof initial) == 0);
  } else {
    CHECK(options->access == VIAL_ACCESS_PRIVATE_COPY);
    CHECK(options->verification == VIAL_VERIFICATION_LAZY);
    CHECK(options->trusted_keys != nullptr);
    CHECK(options->trusted_key_count == 0 || options->trusted_key_count == 2);
    if (options->trusted_key_count == 2)
      CHECK(options->trusted_keys[0] == 1 && options->trusted_keys[32] == 2 && options->trusted_keys[63] == 3);
  }
  *out_model = answer_with == VIAL_STATUS_OK ? fake<vial_model>(0x101) : nullptr;
  return told(out_error);
}

void vial_model_close(vial_model *) {}

vial_status vial_model_verify(vial_model *model, const vial_verify_options *options, vial_error *out_error) {
  CHECK(model == fake<vial_model>(0x101));
  CHECK(options->struct_size == sizeof *options && options->reserved == 0);
  CHECK(options->thread_count == (wants_defaults ? 0u : 3u));
  CHECK((options->progress == nullptr) == wants_defaults);
  if (options->progress && options->progress(options->progress_context, 5, 9) != 0) answer_with = VIAL_STATUS_CANCELLED;
  const vial_status status = told(out_error);
  answer_with = VIAL_STATUS_OK;
  return status;
}

vial_status vial_model_score(vial_model *, const uint32_t *tokens, uint64_t token_count,
                             const vial_score_options *options, float *out_scores, vial_error *out_error) {
  const vial_score_options initial = VIAL_SCORE_OPTIONS_INIT;
  CHECK(options->struct_size == sizeof *options && options->reserved[0] == 0 && options->reserved[1] == 0);
  CHECK(token_count == 3 && tokens[2] == 30);
  if (wants_defaults) {
    CHECK(options->cache_type == initial.cache_type && options->thread_count == 0 && options->adapter_scale == 0);
    CHECK(options->adapter.data == nullptr && options->adapter.length == 0 && options->isa == nullptr);
    CHECK(options->progress == nullptr);
  } else {
    CHECK(options->cache_type == VIAL_CACHE_INT8 && options->thread_count == 4);
    CHECK(options->adapter_scale == 1.5f && view(options->adapter) == "ward");
    CHECK(std::string_view(options->isa) == "avx2" && options->progress != nullptr);
    CHECK(options->progress(options->progress_context, 1, 3) == 0);
  }
  for (uint64_t index = 0; index < token_count; index++) out_scores[index] = static_cast<float>(index);
  return told(out_error);
}

vial_status vial_model_get_sampling(vial_model *, vial_text template_id, vial_sampling_options *out_options,
                                    vial_error *out_error) {
  static const vial_token_bias biases[1] = {{7, 0.5f}};
  static const uint32_t ids[3] = {8, 9, 10};
  CHECK(view(template_id) == "triage");
  *out_options = {static_cast<uint32_t>(sizeof *out_options), 1, 0.5f, 2, 0.25f, 0.125f, 3, VIAL_PENALTY_PROMPT, 4, 5, 6,
                  VIAL_PENALTY_BOTH, 7, 8, biases, 1, ids, 2, ids + 2, 1};
  return told(out_error);
}

vial_status vial_engine_open(vial_model *model, const vial_engine_options *options, vial_engine **out_engine,
                             vial_error *out_error) {
  CHECK(model == fake<vial_model>(0x101));
  CHECK(options->struct_size == sizeof *options && options->reserved == 0);
  if (wants_defaults) {
    const vial_engine_options initial = VIAL_ENGINE_OPTIONS_INIT;
    CHECK(std::memcmp(options, &initial, sizeof initial) == 0);
  } else {
    CHECK(options->flags == (VIAL_ENGINE_NO_SHARING | VIAL_ENGINE_LOCK_MEMORY));
    CHECK(options->cache_type == VIAL_CACHE_F32 && options->thread_count == 2);
    CHECK(options->cache_byte_limit == UINT64_C(1) << 40 && std::string_view(options->isa) == "reference");
    CHECK(options->queue_limit == 3 && options->tenant_queue_limit == 4 && options->running_limit == 5);
    CHECK(options->step_prompt_tokens == 6);
    options->log(options->log_context, VIAL_LOG_WARNING, "careful");
    CHECK(options->allocate(options->memory_context, 64, 4096) == &lent);
    CHECK(options->allocate(options->memory_context, 65, 4096) == nullptr);
    options->release(options->memory_context, &lent, 64);
  }
  *out_engine = fake<vial_engine>(0x201);
  return told(out_error);
}

vial_status vial_engine_close(vial_engine *) { return VIAL_STATUS_OK; }

vial_status vial_engine_submit(vial_engine *engine, const vial_request_options *options, vial_request **out_request,
                               vial_error *out_error) {
  CHECK(engine == fake<vial_engine>(0x201));
  CHECK(options->struct_size == sizeof *options && options->reserved[0] == 0 && options->reserved[1] == 0);
  *out_request = fake<vial_request>(0x301);
  on_event = options->on_event;
  event_context = options->event_context;
  if (options->text.length == 4) return told(out_error);
  if (wants_defaults) {
    CHECK(view(options->text) == "hello" && options->messages == nullptr && options->message_count == 0);
    CHECK(options->message_fields == nullptr && options->tools.data == nullptr && options->tokens == nullptr);
    CHECK(options->template_id.data == nullptr && options->template_values == nullptr && options->prefill.data == nullptr);
    CHECK(options->sampling == nullptr && options->seed == 0 && options->flags == 0 && options->max_tokens == 0);
    CHECK(options->stops == nullptr && options->schema.data == nullptr && options->choices == nullptr);
    CHECK(options->adapter.data == nullptr && options->tenant.data == nullptr && options->on_event == nullptr);
    CHECK(options->token_count + options->template_value_count + options->stop_count + options->choice_count == 0);
    CHECK(options->deadline_milliseconds == 0 && options->event_context == nullptr && options->priority == 0);
    return told(out_error);
  }
  CHECK(options->flags == (VIAL_REQUEST_RAW | VIAL_REQUEST_ENTROPY));
  CHECK(view(options->text) == "one" && options->message_count == 2);
  CHECK(view(options->messages[0].role) == "system" && view(options->messages[0].content) == "two");
  CHECK(options->messages[0].flags == VIAL_MESSAGE_ALLOW_SPECIAL_TOKENS && options->messages[1].flags == 0);
  CHECK(options->messages[0].reserved == 0 && view(options->messages[1].content) == "three");
  CHECK(options->message_fields[0].data == nullptr && view(options->message_fields[1]) == "{}");
  CHECK(view(options->tools) == "[]" && options->token_count == 2 && options->tokens[1] == 5);
  CHECK(view(options->template_id) == "triage" && options->template_value_count == 1);
  CHECK(view(options->template_values[0].name) == "age" && view(options->template_values[0].text) == "34 years");
  CHECK(view(options->prefill) == "Yes" && options->seed == UINT64_MAX && options->sample_index == 6);
  CHECK(options->max_tokens == 7 && options->max_reasoning_tokens == VIAL_REASONING_NONE);
  CHECK(options->alternative_count == 8 && options->stop_count == 1 && view(options->stops[0]) == "stop");
  CHECK(view(options->schema) == "true" && options->choice_count == 2 && view(options->choices[1]) == "no");
  CHECK(view(options->adapter) == "ward" && options->adapter_scale == 0.5f && options->priority == -9);
  CHECK(view(options->tenant) == "clinic" && options->deadline_milliseconds == 30000);
  const vial_sampling_options &sampling = *options->sampling;
  CHECK(sampling.struct_size == sizeof sampling && sampling.flags == VIAL_SAMPLING_IGNORE_END);
  CHECK(sampling.temperature == 0.5f && sampling.top_k == 2 && sampling.top_p == 0.25f && sampling.min_p == 0.125f);
  CHECK(sampling.repetition_penalty == 3 && sampling.repetition_scope == VIAL_PENALTY_PROMPT);
  CHECK(sampling.repetition_window == 4 && sampling.frequency_penalty == 5 && sampling.presence_penalty == 6);
  CHECK(sampling.penalty_scope == VIAL_PENALTY_BOTH && sampling.penalty_window == 7 && sampling.min_tokens == 8);
  CHECK(sampling.bias_count == 1 && sampling.biases[0].token == 7 && sampling.biases[0].bias == 0.5f);
  CHECK(sampling.banned_token_count == 2 && sampling.banned_tokens[1] == 9);
  CHECK(sampling.stop_token_count == 1 && sampling.stop_tokens[0] == 10);
  // An event as a library of an earlier header would fill it: what it lacks stays the default.
  vial_event event = VIAL_EVENT_INIT;
  event.kind = VIAL_EVENT_TOKEN;
  event.token = 42;
  event.text = {"text", 4};
  event.finish_reason = VIAL_FINISH_ERROR;
  event.struct_size = offsetof(vial_event, finish_reason);
  options->on_event(options->event_context, &event);
  return told(out_error);
}

vial_status vial_request_cancel(vial_request *) { return VIAL_STATUS_OK; }
void vial_request_close(vial_request *) {}

} // extern "C"

namespace {

vial::Model opened() {
  wants_defaults = true;
  return vial::Model::open("some/模型.vial");
}

void models() {
  vial::Model model = opened();
  model.verify();
  const std::vector<vial::Token> tokens{10, 20, 30};
  CHECK(model.score(tokens).at(2) == 2);
  wants_defaults = false;
  vial::ModelOptions options;
  options.access = vial::Access::private_copy;
  options.verification = vial::Verification::lazy;
  options.trusted_keys.emplace();
  vial::Model::open("some/模型.vial", options);
  options.trusted_keys->resize(2);
  (*options.trusted_keys)[0][0] = 1;
  (*options.trusted_keys)[1][0] = 2;
  (*options.trusted_keys)[1][31] = 3;
  vial::Model::open("some/模型.vial", options);
  std::uint64_t done = 0, total = 0;
  vial::VerifyOptions verify;
  verify.thread_count = 3;
  verify.progress = [&](std::uint64_t now, std::uint64_t all) { return done = now, total = all, true; };
  model.verify(verify);
  CHECK(done == 5 && total == 9);
  vial::ScoreOptions score;
  score.cache_type = vial::CacheType::int8;
  score.thread_count = 4;
  score.adapter = "ward";
  score.adapter_scale = 1.5f;
  score.isa = "avx2";
  score.progress = [&](std::uint64_t, std::uint64_t all) { return total = all, true; };
  CHECK(model.score(tokens, score).size() == 3 && total == 3);
}

void errors() {
  answer_with = VIAL_STATUS_FORMAT;
  try {
    opened();
    CHECK(false);
  } catch (const vial::Error &error) {
    CHECK(error.status() == vial::Status::format && error.rule() == 203 && error.system_code() == 7);
    CHECK(error.byte_offset() == 11 && std::string_view(error.what()) == "what is wrong");
    CHECK(error.details().struct_size == sizeof(vial_error));
  }
  answer_with = VIAL_STATUS_OK;
  CHECK(std::string_view(vial::Error(vial::Status::busy).what()) == vial::message(vial::Status::busy));
}

vial::EngineOptions engine_options(std::string &said, std::uint64_t &released) {
  vial::EngineOptions options;
  options.flags = vial::EngineFlags::no_sharing | vial::EngineFlags::lock_memory;
  options.cache_type = vial::CacheType::f32;
  options.thread_count = 2;
  options.cache_byte_limit = UINT64_C(1) << 40;
  options.isa = "reference";
  options.queue_limit = 3;
  options.tenant_queue_limit = 4;
  options.running_limit = 5;
  options.step_prompt_tokens = 6;
  options.log = [&said](vial::LogLevel level, std::string_view message) {
    if (level == vial::LogLevel::warning) said = message;
    throw 1; // and nothing happens
  };
  options.allocate = [](std::uint64_t byte_count, std::uint64_t alignment) -> void * {
    if (byte_count != 64) throw std::bad_alloc();
    return alignment == 4096 ? &lent : nullptr;
  };
  options.release = [&released](void *memory, std::uint64_t byte_count) {
    if (memory == &lent) released = byte_count;
  };
  return options;
}

vial::RequestOptions request_options(const vial::Model &model) {
  vial::RequestOptions options;
  options.flags = vial::RequestFlags::raw | vial::RequestFlags::entropy;
  options.text = "one";
  options.messages = {{"system", "two", vial::MessageFlags::allow_special_tokens, {}},
                      {"user", "three", vial::MessageFlags::none, "{}"}};
  options.tools = "[]";
  options.tokens = {4, 5};
  options.template_id = "triage";
  options.template_values = {vial::TemplateValue::integer("age", 34, "years")};
  options.prefill = "Yes";
  options.sampling = model.sampling("triage");
  options.seed = UINT64_MAX;
  options.sample_index = 6;
  options.max_tokens = 7;
  options.max_reasoning_tokens = VIAL_REASONING_NONE;
  options.alternative_count = 8;
  options.stops = {"stop"};
  options.schema = "true";
  options.choices = {"yes", "no"};
  options.adapter = "ward";
  options.adapter_scale = 0.5f;
  options.priority = -9;
  options.tenant = "clinic";
  options.deadline = std::chrono::seconds(30);
  return options;
}

void engines() {
  const vial::Model model = opened();
  vial::Engine engine = vial::Engine::open(model);
  engine.submit("hello");
  wants_defaults = false;
  std::string said;
  std::uint64_t released = 0;
  engine = vial::Engine::open(model, engine_options(said, released));
  CHECK(said == "careful" && released == 64);
  vial::RequestOptions request = request_options(model);
  vial::Token seen = 0;
  vial::FinishReason reason = vial::FinishReason::error;
  request.on_event = [&](const vial::Event &event) {
    seen = event.token().value_or(0);
    reason = event.finish_reason();
    CHECK(event.text() == "text" && event.kind() == vial::EventKind::token);
  };
  const vial::Request submitted = engine.submit(request);
  CHECK(submitted.handle() == fake<vial_request>(0x301));
  CHECK(seen == 42 && reason == vial::FinishReason::none);
}

/** Requests that are closed inside of callbacks while a callback of theirs is under way: C may
 *  already have read the context, and comes with it. */
void late() {
  const vial::Model model = opened();
  const vial::Engine engine = vial::Engine::open(model);
  const auto witness = std::make_shared<int>(0);
  const auto submit = [&] {
    vial::RequestOptions options;
    options.text = "late";
    options.on_event = [witness](const vial::Event &) { ++*witness; };
    return engine.submit(options);
  };
  vial_event event = VIAL_EVENT_INIT;
  // Outside of callbacks C has waited: the callback goes at once.
  { const vial::Request request = submit(); }
  CHECK(witness.use_count() == 1);
  for (int round = 1; round <= 2; round++) {
    vial::Request first = submit(), second = submit();
    ++vial::shared::callback_depth;
    first.close();
    first = vial::Request();
    second = vial::Request();
    --vial::shared::callback_depth;
    CHECK(witness.use_count() == 3);
    // The second one's comes late, and finds its callback. Then both go.
    if (round == 1) on_event(event_context, &event);
    CHECK(*witness == 1 && witness.use_count() == (round == 1 ? 1 : 3));
  }
  // What nobody came by for goes with the engine.
  engine.close();
  CHECK(witness.use_count() == 1);
  const vial::Request request = submit();
  ++vial::shared::callback_depth;
  { const vial::Request gone = submit(); }
  --vial::shared::callback_depth;
  CHECK(witness.use_count() == 2);
}

} // namespace

int main() {
  models();
  errors();
  engines();
  late();
  return finish("arguments.cpp");
}

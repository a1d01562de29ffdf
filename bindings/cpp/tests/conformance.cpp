// Owns: the cases that every binding must pass, done through vial.hpp.
// Must not: know an answer: all are in the file.
// Usage: conformance CASES.json, from the repository's root
#include "vial.hpp"

#include "expectations.hpp"
#include "json.hpp"
#include "located.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <set>
#include <sstream>

#include <sys/wait.h>
#include <unistd.h>

namespace {

// Files and objects.

vial::Model opened(const Json &asked) {
  vial::ModelOptions options;
  if (asked.has("access")) options.access = static_cast<vial::Access>(asked["access"].integer<std::uint32_t>());
  if (asked.has("verification"))
    options.verification = static_cast<vial::Verification>(asked["verification"].integer<std::uint32_t>());
  if (asked.has("trusted_keys")) {
    options.trusted_keys.emplace();
    for (const std::string_view text : texts_of(asked["trusted_keys"])) {
      const std::string bytes = bytes_of(text);
      vial::PublicKey key{};
      std::copy_n(bytes.begin(), std::min(bytes.size(), key.size()), key.begin());
      options.trusted_keys->push_back(key);
    }
  }
  return vial::Model::open(Located(asked).path(), options);
}

vial::Engine computing(const Json &asked, const vial::Model &model) {
  vial::EngineOptions options;
  if (asked.has("thread_count")) options.thread_count = asked["thread_count"].integer<std::uint32_t>();
  if (asked.has("cache_type")) options.cache_type = static_cast<vial::CacheType>(asked["cache_type"].integer<std::uint32_t>());
  if (asked.has("queue_limit")) options.queue_limit = asked["queue_limit"].integer<std::uint32_t>();
  if (asked.has("running_limit")) options.running_limit = asked["running_limit"].integer<std::uint32_t>();
  if (asked.has("isa")) options.isa = asked["isa"].text();
  return vial::Engine::open(model, options);
}

std::vector<vial::Message> messages_of(const Json &asked) {
  const std::vector<std::string_view> roles = texts_of(asked["roles"]), contents = texts_of(asked["contents"]);
  std::vector<vial::Message> messages(roles.size());
  for (std::size_t index = 0; index < roles.size(); index++) {
    messages[index].role = roles[index];
    messages[index].content = contents.at(index);
  }
  return messages;
}

std::vector<vial::TemplateValue> values_of(const Json &asked) {
  std::vector<vial::TemplateValue> values;
  if (!asked.has("value_names")) return values;
  const std::vector<std::string_view> names = texts_of(asked["value_names"]), texts = texts_of(asked["value_texts"]);
  for (std::size_t index = 0; index < names.size(); index++)
    values.push_back(vial::TemplateValue::text(names[index], texts.at(index)));
  return values;
}

template <class Number> bool fill(const Json &asked, const char *field, Number &number) {
  if (!asked.has(field)) return false;
  if constexpr (std::is_floating_point_v<Number>) number = static_cast<Number>(asked[field].number());
  else number = asked[field].integer<Number>();
  return true;
}

/** The case's sampling; none when it states nothing of it. */
std::optional<vial::Sampling> sampling_of(const Json &asked, const vial::Model &model) {
  vial::Sampling own = model.sampling(asked.has("template_id") ? std::string_view(asked["template_id"].text()) : std::string_view());
  std::uint32_t flags = 0;
  std::vector<bool> stated{
      fill(asked, "temperature", own.temperature), fill(asked, "top_k", own.top_k), fill(asked, "top_p", own.top_p),
      fill(asked, "min_p", own.min_p), fill(asked, "repetition_penalty", own.repetition_penalty),
      fill(asked, "frequency_penalty", own.frequency_penalty), fill(asked, "presence_penalty", own.presence_penalty),
      fill(asked, "min_tokens", own.min_tokens), fill(asked, "sampling_flags", flags), asked.has("bias_tokens"),
      asked.has("banned_tokens"), asked.has("stop_tokens")};
  own.flags = static_cast<vial::SamplingFlags>(flags);
  if (asked.has("bias_tokens"))
    for (std::size_t index = 0; index < asked["bias_tokens"].items().size(); index++)
      own.biases.push_back({asked["bias_tokens"].items()[index].integer<vial::Token>(),
                            static_cast<float>(asked["bias_values"].items().at(index).number())});
  if (asked.has("banned_tokens")) own.banned_tokens = tokens_of(asked["banned_tokens"]);
  if (asked.has("stop_tokens")) own.stop_tokens = tokens_of(asked["stop_tokens"]);
  const bool is_stated = std::find(stated.begin(), stated.end(), true) != stated.end();
  return is_stated ? std::optional<vial::Sampling>(std::move(own)) : std::nullopt;
}

vial::Request submitted(const Json &asked, const vial::Model &model, const vial::Engine &engine,
                        vial::EventCallback callback = nullptr) {
  vial::RequestOptions options;
  const std::string hexadecimal = asked.has("text_hex") ? bytes_of(asked["text_hex"].text()) : std::string();
  if (asked.has("text")) options.text = asked["text"].text();
  if (asked.has("text_hex")) options.text = hexadecimal;
  if (asked.has("roles")) options.messages = messages_of(asked);
  if (asked.has("tokens")) options.tokens = tokens_of(asked["tokens"]);
  options.template_values = values_of(asked);
  for (const auto &[field, view] :
       std::map<const char *, std::string_view *>{{"template_id", &options.template_id}, {"prefill", &options.prefill},
                                                  {"schema", &options.schema}, {"adapter", &options.adapter},
                                                  {"tenant", &options.tenant}})
    if (asked.has(field) && !asked[field].text().empty()) *view = asked[field].text();
  std::uint32_t flags = 0;
  std::int64_t deadline = 0;
  fill(asked, "flags", flags);
  options.flags = static_cast<vial::RequestFlags>(flags);
  fill(asked, "sample_index", options.sample_index);
  fill(asked, "max_tokens", options.max_tokens);
  fill(asked, "max_reasoning_tokens", options.max_reasoning_tokens);
  fill(asked, "alternative_count", options.alternative_count);
  fill(asked, "adapter_scale", options.adapter_scale);
  fill(asked, "priority", options.priority);
  fill(asked, "deadline_milliseconds", deadline);
  options.deadline = std::chrono::milliseconds(deadline);
  if (asked.has("seed")) options.seed = std::stoull(asked["seed"].text());
  if (asked.has("stops")) options.stops = texts_of(asked["stops"]);
  if (asked.has("choices")) options.choices = texts_of(asked["choices"]);
  options.sampling = sampling_of(asked, model);
  options.on_event = std::move(callback);
  return engine.submit(options);
}

std::string_view spelled(vial::FinishReason reason) {
  static constexpr std::string_view names[] = {"none", "stop", "length", "stop_string", "cancelled", "deadline", "error", "budget"};
  return names[static_cast<std::size_t>(reason)];
}

/** Reads a request to its end, and compares. */
void finish(const Json &asked, const vial::Request &request) {
  std::string texts[2];
  std::vector<float> logs, entropies;
  std::vector<std::vector<vial::Token>> alternatives;
  vial::FinishReason reason = vial::FinishReason::none;
  vial::Status status = vial::Status::ok;
  for (const vial::Event &event : request.events()) {
    texts[static_cast<std::size_t>(event.part())] += event.text();
    reason = event.finish_reason();
    status = event.status();
    if (!event.token()) continue;
    logs.push_back(event.log_probability());
    entropies.push_back(event.entropy());
    alternatives.emplace_back();
    for (const vial::Alternative &likely : event.alternatives()) alternatives.back().push_back(likely.token);
    if (asked.has("cancel_after") && logs.size() == asked["cancel_after"].integer<std::size_t>()) request.cancel();
  }
  need(request.text(vial::AnswerPart::answer) == texts[0] && request.text(vial::AnswerPart::reasoning) == texts[1], "a copied text");
  compare(asked, "finish_reason", spelled(reason));
  compare(asked, "finish_status", vial::name(status));
  compare(asked, "text", texts[0]);
  compare(asked, "reasoning", texts[1]);
  compare(asked, "tokens", request.tokens());
  compare(asked, "prompt_token_count", request.info().prompt_token_count);
  compare(asked, "log_probabilities", logs);
  compare(asked, "entropies", entropies);
  if (!alternatives.empty()) compare(asked, "first_alternatives", alternatives[0]);
  if (!asked.has("expect_prompt_scores")) return;
  compare(asked, "prompt_scores", request.prompt_scores());
  std::vector<vial::Token> expected;
  for (std::uint64_t index = 0; index < request.info().prompt_token_count; index++)
    for (const vial::Alternative &likely : request.prompt_alternatives(index)) expected.push_back(likely.token);
  compare(asked, "prompt_alternatives", expected);
}

// Kinds of cases. Each throws Error where a call fails.

void open(const Json &asked) {
  const vial::Model model = opened(asked);
  const vial::ModelInfo info = model.info();
  std::vector<std::string> adapters, templates;
  for (std::uint32_t index = 0; index < info.adapter_count; index++) adapters.push_back(model.adapter_name(index));
  try {
    while (true)
      templates.push_back(model.template_text(static_cast<std::uint32_t>(templates.size()), vial::TemplateText::id));
  } catch (const vial::Error &) {
    compare(asked, "templates", templates);
  }
  compare(asked, "architecture", model.text(vial::ModelText::architecture));
  compare(asked, "model_name", model.text(vial::ModelText::name));
  compare(asked, "model_digest", model.text(vial::ModelText::model_digest));
  compare(asked, "file_digest", model.text(vial::ModelText::file_digest));
  compare(asked, "parameter_count", info.parameter_count);
  compare(asked, "layer_count", std::uint64_t{info.layer_count});
  compare(asked, "vocabulary_size", std::uint64_t{info.vocabulary_size});
  compare(asked, "token_count", std::uint64_t{info.token_count});
  compare(asked, "context_length", std::uint64_t{info.context_length});
  compare(asked, "adapters", adapters);
}

vial::Progress stopping(const Json &asked) {
  if (!asked.has("progress_stops") || !asked["progress_stops"].boolean()) return nullptr;
  return [](std::uint64_t, std::uint64_t) { return false; };
}

void verify(const Json &asked) {
  vial::VerifyOptions options;
  options.progress = stopping(asked);
  opened(asked).verify(options);
}

void encode(const Json &asked) {
  const std::string text = asked.has("text_hex") ? bytes_of(asked["text_hex"].text()) : asked["text"].text();
  std::uint32_t flags = 0;
  fill(asked, "flags", flags);
  compare(asked, "tokens", opened(asked).encode(text, static_cast<vial::EncodeFlags>(flags)));
}

void decode(const Json &asked) {
  std::uint32_t flags = 0;
  fill(asked, "flags", flags);
  compare(asked, "text", opened(asked).decode(tokens_of(asked["tokens"]), static_cast<vial::DecodeFlags>(flags)));
}

void score(const Json &asked) {
  vial::ScoreOptions options;
  if (asked.has("adapter")) options.adapter = asked["adapter"].text();
  fill(asked, "adapter_scale", options.adapter_scale);
  options.progress = stopping(asked);
  compare(asked, "log_probabilities", opened(asked).score(tokens_of(asked["tokens"]), options));
}

/** A request of the case on an engine of its own, and what to do with them. */
template <class Use> void with_request(const Json &asked, Use use) {
  const vial::Model model = opened(asked);
  const vial::Engine engine = computing(asked, model);
  use(submitted(asked, model, engine), engine);
}

void together(const Json &asked, const Json &all) {
  std::vector<const Json *> cases;
  for (const std::string_view name : texts_of(asked["cases"]))
    for (const Json &one : all.items())
      if (one["name"].text() == name) cases.push_back(&one);
  need(cases.size() == asked["cases"].items().size(), "the list of cases");
  const vial::Model model = opened(*cases[0]);
  const vial::Engine engine = computing(*cases[0], model);
  std::vector<vial::Request> requests;
  for (const Json *one : cases) requests.push_back(submitted(*one, model, engine));
  for (std::size_t index = 0; index < cases.size(); index++) finish(*cases[index], requests[index]);
}

/** What a call that returns a status says fails as others do. */
void must_be_ok(vial::Status status) {
  if (status != vial::Status::ok) throw vial::Error(status);
}

void no_event_yet(const Json &asked) {
  with_request(asked, [](const vial::Request &request, const vial::Engine &) {
    vial::Event event;
    while (true) must_be_ok(request.next_event(event, std::chrono::milliseconds(0)));
  });
}

void after_last(const Json &asked) {
  with_request(asked, [](const vial::Request &request, const vial::Engine &) {
    vial::Event event;
    while (!event.is_finished()) must_be_ok(request.next_event(event));
    must_be_ok(request.next_event(event, std::chrono::milliseconds(0)));
  });
}

void busy(const Json &asked) {
  const vial::Model model = opened(asked);
  const vial::Engine engine = computing(asked, model);
  std::vector<vial::Request> requests;
  while (requests.size() < 8) requests.push_back(submitted(asked, model, engine));
}

void closed_engine(const Json &asked) {
  const vial::Model model = opened(asked);
  const vial::Engine engine = computing(asked, model);
  engine.close();
  vial::RequestOptions options;
  options.tokens = {1};
  engine.submit(options);
}

void closed_request(const Json &asked) {
  with_request(asked, [](const vial::Request &request, const vial::Engine &) {
    request.close();
    vial::Event event;
    must_be_ok(request.next_event(event, std::chrono::milliseconds(0)));
  });
}

void forked(const Json &asked) {
  const vial::Model model = opened(asked);
  const pid_t child = fork();
  if (child == 0) {
    try {
      model.info();
      _exit(0);
    } catch (const vial::Error &error) {
      _exit(static_cast<int>(error.status()));
    }
  }
  int state = 0;
  waitpid(child, &state, 0);
  must_be_ok(static_cast<vial::Status>(WEXITSTATUS(state)));
}

void in_callback(const Json &asked) {
  const vial::Model model = opened(asked);
  const vial::Engine engine = computing(asked, model);
  std::atomic<int> status{-1};
  const vial::Request request =
      submitted(asked, model, engine, [&](const vial::Event &) { status = static_cast<int>(engine.close()); });
  engine.close();
  must_be_ok(static_cast<vial::Status>(status.load()));
}

/** Does what a case says; returns whether its kind is known. */
bool done(const Json &asked, const Json &all) {
  const std::string &kind = asked["kind"].text();
  if (kind == "open") open(asked);
  else if (kind == "verify") verify(asked);
  else if (kind == "engine") computing(asked, opened(asked));
  else if (kind == "encode") encode(asked);
  else if (kind == "decode") decode(asked);
  else if (kind == "token_bytes") compare(asked, "hex", hex_of(opened(asked).token_bytes(asked["token"].integer<vial::Token>())));
  else if (kind == "chat") compare(asked, "tokens", opened(asked).render_chat(messages_of(asked)));
  else if (kind == "template") compare(asked, "tokens", opened(asked).render_template(asked["template_id"].text(), values_of(asked)));
  else if (kind == "score") score(asked);
  else if (kind == "submit" || kind == "cancel") with_request(asked, [&](const vial::Request &request, const vial::Engine &) { finish(asked, request); });
  else if (kind == "together") together(asked, all);
  else if (kind == "close_engine") with_request(asked, [&](const vial::Request &request, const vial::Engine &engine) { engine.close(), finish(asked, request); });
  else if (kind == "no_event_yet") no_event_yet(asked);
  else if (kind == "after_last") after_last(asked);
  else if (kind == "busy") busy(asked);
  else if (kind == "closed_engine") closed_engine(asked);
  else if (kind == "closed_request") closed_request(asked);
  else if (kind == "forked") forked(asked);
  else if (kind == "in_callback") in_callback(asked);
  else if (kind == "closed_model") {
    const vial::Model model = opened(asked);
    model.close();
    model.info();
  } else return false;
  return true;
}

/** What is wrong with a case; nothing. */
std::string problem(const Json &asked, const Json &all) {
  checked.clear();
  try {
    if (!done(asked, all)) return "no such kind";
    if (asked["kind"].text() == "together") return {};
    compare(asked, "status", vial::name(vial::Status::ok));
  } catch (const vial::Error &error) {
    try {
      checked.clear();
      compare(asked, "status", vial::name(error.status()));
      compare(asked, "rule", std::uint64_t{error.rule()});
      compare(asked, "system_code", static_cast<std::uint64_t>(error.system_code()));
      compare(asked, "byte_offset", error.byte_offset());
    } catch (const std::exception &mismatch) {
      return std::string(mismatch.what()) + ": " + vial::name(error.status()) + ", " + error.what();
    }
  } catch (const std::exception &mismatch) {
    return mismatch.what();
  }
  // What a case expects and nobody looked at would pass whatever came.
  for (const std::string &key : asked.keys())
    if (key.rfind("expect_", 0) == 0 && checked.count(key) == 0) return key + " was not looked at";
  return {};
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  const Json page = Json::parse(read(argv[1]));
  if (page["cases_version"].integer<int>() != 1 || page["abi"].integer<std::uint32_t>() != vial::abi_version() ||
      page["arithmetic"].integer<std::uint32_t>() != vial::arithmetic_version())
    return std::cerr << "conformance.cpp: cases of another version\n", 1;
  std::size_t failed = 0;
  for (const Json &asked : page["cases"].items()) {
    const std::string what = problem(asked, page["cases"]);
    if (what.empty()) continue;
    std::cerr << "conformance.cpp: " << asked["name"].text() << ": " << what << '\n';
    failed++;
  }
  const std::size_t count = page["cases"].items().size();
  std::cerr << "conformance.cpp: " << count - failed << " of " << count << " cases passed\n";
  return failed == 0 && count > 100 ? 0 : 1;
}

// Owns: what a C++ host does with vial.hpp, beside what the C functions say in the same process.
// Must not: judge an answer: only that both are the same.
// Usage: usage DEMO ADAPTED, the demonstration model and one with the adapter "ward"
#include "vial.hpp"

#include "check.h"

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <thread>

namespace {

const char question[] = "What are the symptoms of anemia?";

/** An answer through the C functions alone. */
std::string c_answer(const vial::Engine &engine, std::uint64_t seed, std::uint32_t max_tokens) {
  vial_request_options options = VIAL_REQUEST_OPTIONS_INIT;
  vial_request *request = nullptr;
  vial_event event = VIAL_EVENT_INIT;
  options.text = vial_text_from(question);
  options.seed = seed;
  options.max_tokens = max_tokens;
  std::string text;
  STATUS(VIAL_STATUS_OK, vial_engine_submit(engine.handle(), &options, &request, nullptr));
  while (vial_request_next_event(request, VIAL_WAIT_FOREVER, &event) == VIAL_STATUS_OK)
    if (event.part == VIAL_PART_ANSWER) text.append(event.text.data, event.text.length);
  vial_request_close(request);
  return text;
}

vial::RequestOptions asked(std::uint64_t seed, std::uint32_t max_tokens) {
  vial::RequestOptions options;
  options.text = question;
  options.seed = seed;
  options.max_tokens = max_tokens;
  return options;
}

void statics() {
  CHECK(vial::version_number() == vial_version_number() && vial::version_text() == VIAL_VERSION_TEXT);
  CHECK(vial::abi_version() == VIAL_ABI_VERSION && vial::format_version() == vial_format_version());
  CHECK(vial::arithmetic_version() == vial_arithmetic_version());
  CHECK(vial::build_info().front() == '{' && vial::build_info() == vial_build_info());
  const std::vector<std::string_view> families = vial::isa_names();
  CHECK(!families.empty() && families.back() == "reference");
  CHECK(std::string_view(vial::name(vial::Status::busy)) == "VIAL_STATUS_BUSY");
  CHECK(std::string_view(vial::message(vial::Status::ok)) == vial_status_message(VIAL_STATUS_OK));
  CHECK(vial::has(vial::EncodeFlags::add_special_tokens | vial::EncodeFlags::allow_special_tokens,
                  vial::EncodeFlags::allow_special_tokens));
  CHECK(!vial::has(vial::RequestFlags::raw, vial::RequestFlags::raw | vial::RequestFlags::pinned));
  CHECK(vial::detail::milliseconds(vial::wait_forever) == VIAL_WAIT_FOREVER);
  CHECK(vial::detail::milliseconds(std::chrono::hours(24 * 365)) == VIAL_WAIT_FOREVER - 1);
  CHECK(vial::detail::milliseconds(std::chrono::milliseconds(-5)) == 0);
  CHECK(vial::detail::milliseconds(std::chrono::seconds(5)) == 5000);
}

void describe(const vial::Model &model) {
  const vial::ModelInfo info = model.info();
  CHECK(info.layer_count > 0 && info.has(vial::ModelFlags::has_chat_template | vial::ModelFlags::has_notice));
  CHECK(model.text(vial::ModelText::architecture) == "qwen2" && !model.text(vial::ModelText::notice).empty());
  CHECK(model.text(vial::ModelText::file_digest).size() == 64);
  CHECK(model.text(vial::ModelText::model_digest) != model.text(vial::ModelText::file_digest));
  std::vector<std::string> ids;
  try {
    while (true) ids.push_back(model.template_text(static_cast<std::uint32_t>(ids.size()), vial::TemplateText::id));
  } catch (const vial::Error &error) {
    CHECK(error.status() == vial::Status::not_in_file);
  }
  CHECK(ids.size() == 12 && std::find(ids.begin(), ids.end(), "triage") != ids.end());
  CHECK(model.template_text(0, vial::TemplateText::declarations).front() == '[');
  std::uint64_t last = 0, total = 1;
  vial::VerifyOptions verify;
  verify.progress = [&](std::uint64_t done, std::uint64_t all) { return last = done, total = all, true; };
  model.verify(verify);
  CHECK(last == total);
}

void tokens(const vial::Model &model) {
  const std::vector<vial::Token> ids = model.encode("a cough");
  CHECK(!ids.empty() && model.decode(ids) == "a cough");
  std::string bytes;
  for (const vial::Token id : ids) bytes += model.token_bytes(id);
  CHECK(bytes == "a cough");
  CHECK(model.encode("").empty() && model.decode(std::vector<vial::Token>()).empty());
  // More ids than bytes is what the first buffer is too small for; a text of zeros has zeros.
  CHECK(model.decode(model.encode(std::string_view("a\0b", 3))) == std::string_view("a\0b", 3));
  const std::vector<vial::Token> special{model.info().begin_token};
  const std::string spelled = model.decode(special);
  CHECK(!spelled.empty() && model.encode(spelled).size() > 1);
  CHECK(model.encode(spelled, vial::EncodeFlags::allow_special_tokens) == special);
  CHECK(model.encode("", vial::EncodeFlags::add_special_tokens) == special);
  CHECK(model.decode(special, vial::DecodeFlags::skip_special_tokens).empty());
  const std::array<vial::Message, 2> messages{{{"system", "Be short.", vial::MessageFlags::none, {}},
                                               {"user", question, vial::MessageFlags::none, {}}}};
  const std::vector<vial::Token> prompt = model.render_chat(messages);
  CHECK(prompt.size() > model.encode(question).size());
  const std::vector<float> scores = model.score(prompt);
  CHECK(scores.size() == prompt.size() && std::isnan(scores[0]) && scores[1] < 0);
  std::vector<float> into(prompt.size() + 1, 9.0f);
  model.score_into(prompt, into);
  CHECK(std::equal(scores.begin() + 1, scores.end(), into.begin() + 1) && into.back() == 9.0f);
}

/** A typed value is the text that it stands for. */
void templates(const vial::Model &model) {
  using Value = vial::TemplateValue;
  CHECK(Value::number("x", 7.25, "mmol/L").value() == "7.25 mmol/L" && Value::number("x", -0.1).value() == "-0.1");
  CHECK(Value::number("x", 1e21).value() == "1000000000000000000000" && Value::number("x", 1e-7).value() == "0.0000001");
  CHECK(Value::number("x", 1.7976931348623157e308).value().size() == 309);
  CHECK(Value::number("x", 4.9406564584124654e-324).value().size() == 326);
  CHECK(Value::integer("x", INT64_MIN, "d").value() == "-9223372036854775808 d");
  CHECK(Value::date("x", 2024, 2, 9).value() == "2024-02-09" && Value::date("x", 987, 12, 31).value() == "0987-12-31");
  CHECK(Value::list("x", {"eczema", "hay fever"}).value() == "eczema\nhay fever" && Value::list("x", {}).value().empty());
  const std::vector<Value> typed{Value::text("complaint", "Wheezing"), Value::integer("age", 34, "years"),
                                 Value::number("temperature", 37.5, "°C")};
  const std::vector<Value> spelled{Value::text("complaint", "Wheezing"), Value::text("age", "34 years"),
                                   Value::text("temperature", "37.5 °C")};
  const std::vector<vial::Token> prompt = model.render_template("triage", typed);
  CHECK(prompt.size() > 50 && prompt == model.render_template("triage", spelled));
  // What is moved or copied still has its text.
  std::vector<Value> moved;
  for (const Value &value : typed) moved.push_back(value);
  CHECK(prompt == model.render_template("triage", std::vector<Value>(std::move(moved))));
}

void streams(const vial::Engine &engine) {
  const std::string truth = c_answer(engine, 2, 40);
  CHECK(truth.size() > 20);
  const vial::Request request = engine.submit(asked(2, 40));
  std::string by_events;
  std::uint64_t token_count = 0;
  auto events = request.events();
  for (const vial::Event &event : events) {
    if (event.part() == vial::AnswerPart::answer) by_events += event.text();
    token_count += event.token() ? 1u : 0u;
    CHECK(event.request() == request && (event.kind() == vial::EventKind::token) == event.token().has_value());
    CHECK(event.is_finished() != (event.finish_reason() == vial::FinishReason::none));
  }
  CHECK(by_events == truth && events.status() == vial::Status::finished);
  CHECK(request.text() == truth && request.tokens().size() == token_count);
  const vial::RequestInfo info = request.info();
  CHECK(info.where() == vial::RequestState::finished && info.token_count == token_count);
  CHECK(info.reason() == vial::FinishReason::length || info.reason() == vial::FinishReason::stop);

  std::string by_pieces;
  const vial::Request second = engine.submit(asked(2, 40));
  auto pieces = second.pieces();
  for (const std::string_view piece : pieces) {
    CHECK(!piece.empty());
    by_pieces += piece;
  }
  CHECK(by_pieces == truth && pieces.finish_reason() == info.reason() && pieces.status() == vial::Status::ok);
  const vial::Answer answer = engine.submit(asked(2, 40)).answer();
  CHECK(answer.text == truth && answer.finish_reason == info.reason() && answer.tokens.size() == token_count);
  CHECK(engine.submit(question).info().where() != vial::RequestState::finished);
}

void options(const vial::Model &model, const vial::Engine &engine) {
  vial::RequestOptions choice = asked(1, 20);
  choice.max_reasoning_tokens = VIAL_REASONING_NONE;
  choice.choices = {"yes", "no"};
  const std::string chosen = engine.submit(choice).answer().text;
  CHECK(chosen == "yes" || chosen == "no");
  vial::RequestOptions schema = asked(1, 20);
  schema.max_reasoning_tokens = VIAL_REASONING_NONE;
  schema.schema = "{\"enum\": [17]}";
  const std::string held = engine.submit(schema).answer().text;
  CHECK(held.find_first_not_of(" \n17") == std::string::npos && held.find("17") != std::string::npos);
  vial::RequestOptions rich = asked(1, 3);
  rich.flags = vial::RequestFlags::entropy;
  rich.alternative_count = 4;
  rich.sampling = model.sampling();
  rich.sampling->banned_tokens = {0};
  const vial::Request request = engine.submit(rich);
  vial::Event event;
  CHECK(request.next_event(event) == vial::Status::ok && event.entropy() >= 0 && event.log_probability() <= 0);
  CHECK(event.alternatives().size() == 4);
  CHECK(event.alternatives()[0].log_probability >= event.alternatives()[3].log_probability);
  for (const vial::Alternative &alternative : event.alternatives()) CHECK(alternative.token < model.info().vocabulary_size);
  vial::RequestOptions late = asked(1, 1000);
  late.deadline = std::chrono::milliseconds(1);
  CHECK(engine.submit(late).answer().finish_reason == vial::FinishReason::deadline);
}

void engines(const vial::Engine &engine) {
  const vial::EngineInfo info = engine.info();
  CHECK(info.thread_count == 1 && info.isa != nullptr);
  CHECK(info.has(vial::MemoryFlags::none));
  engine.set_weight("cardiology", 2);
  engine.clear_tenant("cardiology");
  engine.clear_tenant({});
  const std::uint64_t before = engine.metrics().submitted_count;
  engine.submit(asked(1, 1)).answer();
  CHECK(engine.metrics().submitted_count == before + 1);
  CHECK(engine.metrics_text().find("vial_") != std::string::npos);
  CHECK(engine.event_descriptor() >= 0);
  std::vector<vial::Request> requests;
  for (int index = 0; index < 3; index++) requests.push_back(engine.submit(asked(1, 4)));
  std::size_t finished = 0;
  for (const vial::Event &event : engine.events()) {
    if (!event.is_finished()) continue;
    CHECK(std::count(requests.begin(), requests.end(), event.request()) == 1);
    if (++finished == requests.size()) break;
  }
  vial::Event event;
  CHECK(engine.next_event(event, std::chrono::milliseconds(0)) == vial::Status::timed_out);
}

/** Callbacks as lambdas; cancelling from one, and from another thread. */
void callbacks(const vial::Engine &engine) {
  std::mutex lock;
  std::condition_variable ended;
  std::string text;
  bool is_finished = false;
  vial::RequestOptions options = asked(2, 40);
  options.on_event = [&](const vial::Event &event) {
    const std::lock_guard<std::mutex> guard(lock);
    if (event.part() == vial::AnswerPart::answer) text += event.text();
    is_finished = event.is_finished();
    if (is_finished) ended.notify_all();
  };
  const auto wait = [&] {
    std::unique_lock<std::mutex> guard(lock);
    ended.wait(guard, [&] { return is_finished; });
  };
  const vial::Request request = engine.submit(options);
  wait();
  CHECK(text == request.text() && text == c_answer(engine, 2, 40) && request.callback_failure() == nullptr);

  is_finished = false;
  vial::FinishReason reason = vial::FinishReason::none;
  vial::RequestOptions endless = asked(2, 1500);
  endless.on_event = [&](const vial::Event &event) {
    event.request().cancel();
    const std::lock_guard<std::mutex> guard(lock);
    reason = event.finish_reason();
    is_finished = event.is_finished();
    if (is_finished) ended.notify_all();
  };
  const vial::Request cancelled = engine.submit(endless);
  wait();
  CHECK(reason == vial::FinishReason::cancelled);

  const vial::Request other = engine.submit(asked(2, 1500));
  std::thread canceller([ref = other.ref()] { CHECK(ref.cancel() == vial::Status::ok); });
  CHECK(other.answer().finish_reason == vial::FinishReason::cancelled);
  canceller.join();
}

void adapters(const char *path) {
  const vial::Model model = vial::Model::open(path);
  CHECK(model.info().adapter_count == 1 && model.adapter_name(0) == "ward" && model.adapter_info(0).rank == 8);
  const std::vector<vial::Token> ids{3, 17, 101, 255};
  vial::ScoreOptions adapted;
  adapted.adapter = "ward";
  CHECK(model.score(ids)[2] != model.score(ids, adapted)[2]);
  const vial::Engine engine = vial::Engine::open(model);
  vial::RequestOptions options;
  options.tokens = ids;
  options.max_tokens = 12;
  options.sampling.emplace();
  options.sampling->flags = vial::SamplingFlags::ignore_end;
  const std::vector<vial::Token> plain = engine.submit(options).answer().tokens;
  options.adapter = "ward";
  options.adapter_scale = 4;
  CHECK(plain.size() == 12 && engine.submit(options).answer().tokens != plain);
}

/** Memory of the host's own. */
void memory(const vial::Model &model) {
  std::atomic<std::uint64_t> lent{0}, returned{0};
  vial::EngineOptions options;
  options.thread_count = 1;
  options.allocate = [&](std::uint64_t byte_count, std::uint64_t alignment) -> void * {
    lent += byte_count;
    return std::aligned_alloc(alignment, (byte_count + alignment - 1) / alignment * alignment);
  };
  options.release = [&](void *block, std::uint64_t byte_count) {
    returned += byte_count;
    std::free(block);
  };
  {
    const vial::Engine engine = vial::Engine::open(model, options);
    CHECK(engine.submit(asked(2, 4)).answer().tokens.size() == 4);
    CHECK(lent > 0);
  }
  CHECK(lent == returned);
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  statics();
  {
    vial::Model model = vial::Model::open(argv[1]);
    describe(model);
    tokens(model);
    templates(model);
    memory(model);
    vial::EngineOptions one_thread;
    one_thread.thread_count = 1;
    const vial::Engine engine = vial::Engine::open(model, one_thread);
    options(model, engine);
    model.close();
    streams(engine);
    engines(engine);
    callbacks(engine);
  }
  adapters(argv[2]);
  return finish("usage.cpp");
}

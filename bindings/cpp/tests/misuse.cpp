// Owns: what must not hurt: use after move and close, objects that go inside of callbacks, and what
// callbacks throw.
// Must not: measure.
// Usage: misuse DEMO SMALL, the demonstration model and one of 24 ids
#include "vial.hpp"

#include "check.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

namespace {

/** The status that a call fails with; ok when it does not. */
template <class Call> vial::Status failure(Call call) {
  try {
    call();
    return vial::Status::ok;
  } catch (const vial::Error &error) {
    CHECK(error.what()[0] != 0);
    return error.status();
  }
}

template <class Condition> bool comes(Condition condition) {
  for (int round = 0; round < 20000 && !condition(); round++) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return condition();
}

vial::RequestOptions asked(std::uint32_t max_tokens) {
  vial::RequestOptions options;
  options.text = "What is asthma?";
  options.max_tokens = max_tokens;
  return options;
}

/** Every function of an object that has no handle, or a stale one. */
void dead(const vial::Model &model) {
  const vial::Status invalid = vial::Status::invalid_handle;
  const std::vector<vial::Token> ids{1, 2};
  std::vector<float> scores(2);
  CHECK(failure([&] { model.info(); }) == invalid);
  CHECK(failure([&] { model.text(vial::ModelText::name); }) == invalid);
  CHECK(failure([&] { model.adapter_info(0); }) == invalid && failure([&] { model.adapter_name(0); }) == invalid);
  CHECK(failure([&] { model.verify(); }) == invalid && failure([&] { model.sampling(); }) == invalid);
  CHECK(failure([&] { model.encode("a"); }) == invalid && failure([&] { model.decode(ids); }) == invalid);
  CHECK(failure([&] { model.token_bytes(1); }) == invalid);
  CHECK(failure([&] { model.template_text(0, vial::TemplateText::id); }) == invalid);
  CHECK(failure([&] { model.render_chat(std::vector<vial::Message>(1)); }) == invalid);
  CHECK(failure([&] { model.render_template("a", std::vector<vial::TemplateValue>()); }) == invalid);
  CHECK(failure([&] { model.score(ids); }) == invalid && failure([&] { model.score_into(ids, scores); }) == invalid);
  CHECK(failure([&] { vial::Engine::open(model); }) == invalid);
}

void dead(const vial::Engine &engine) {
  const vial::Status invalid = vial::Status::invalid_handle;
  vial::Event event;
  CHECK(failure([&] { engine.submit("a"); }) == invalid && engine.next_event(event) == invalid);
  CHECK(failure([&] { engine.info(); }) == invalid && failure([&] { engine.metrics(); }) == invalid);
  CHECK(failure([&] { engine.metrics_text(); }) == invalid);
  CHECK(failure([&] { engine.event_descriptor(); }) == invalid);
  CHECK(failure([&] { engine.set_weight("a", 1); }) == invalid);
  CHECK(failure([&] { engine.clear_tenant("a"); }) == invalid);
  CHECK(failure([&] { for (const vial::Event &each : engine.events()) (void)each; }) == invalid);
  // Callbacks of a request that was never accepted go with it.
  vial::RequestOptions options = asked(1);
  const auto witness = std::make_shared<int>(0);
  options.on_event = [witness](const vial::Event &) {};
  CHECK(failure([&] { engine.submit(options); }) == invalid);
  options.on_event = nullptr;
  CHECK(witness.use_count() == 1);
}

void dead(const vial::Request &request) {
  const vial::Status invalid = vial::Status::invalid_handle;
  vial::Event event;
  CHECK(request.next_event(event) == invalid && event.kind() == vial::EventKind::none && request.cancel() == invalid);
  CHECK(failure([&] { request.info(); }) == invalid && failure([&] { request.text(); }) == invalid);
  CHECK(failure([&] { request.tokens(); }) == invalid && failure([&] { request.answer(); }) == invalid);
  CHECK(failure([&] { request.prompt_scores(); }) == invalid);
  CHECK(failure([&] { request.prompt_alternatives(0); }) == invalid);
  CHECK(failure([&] { for (const vial::Event &each : request.events()) (void)each; }) == invalid);
  CHECK(failure([&] { for (const std::string_view each : request.pieces()) (void)each; }) == invalid);
}

/** Moved from, moved over, closed, closed twice. */
void moved_and_closed(const char *path) {
  dead(vial::Model());
  dead(vial::Engine());
  dead(vial::Request());
  vial::Model first = vial::Model::open(path);
  vial::Model model = std::move(first);
  dead(first);
  CHECK(model.info().layer_count > 0);
  vial::Model &same = model;
  model = std::move(same);
  CHECK(model.info().layer_count > 0);
  vial::Engine one = vial::Engine::open(model);
  vial::Engine engine = vial::Engine::open(model);
  vial_engine *replaced = engine.handle();
  engine = std::move(one);
  dead(one);
  vial_engine_info info = VIAL_ENGINE_INFO_INIT;
  STATUS(VIAL_STATUS_INVALID_HANDLE, vial_engine_get_info(replaced, &info));
  vial::Request request = engine.submit(asked(2));
  vial::Request other = std::move(request);
  dead(request);
  CHECK(other.answer().tokens.size() == 2);
  const vial::RequestRef stale = other.ref();
  other.close();
  dead(other);
  other.close();
  CHECK(stale.cancel() == vial::Status::invalid_handle);
  other = engine.submit(asked(2));
  CHECK(stale.cancel() == vial::Status::invalid_handle && stale != other);
  CHECK(engine.close() == vial::Status::ok && engine.close() == vial::Status::invalid_handle);
  dead(engine);
  // A request outlives its engine.
  CHECK(other.answer().tokens.size() <= 2);
  model.close();
  model.close();
  dead(model);
}

/** What the wrapper itself has to refuse, because C would not see it. */
void arguments(const char *path) {
  const std::string cut = std::string(path) + std::string("\0.txt", 5);
  CHECK(failure([&] { vial::Model::open(cut); }) == vial::Status::invalid_argument);
  const vial::Model model = vial::Model::open(path);
  vial::EngineOptions strange;
  strange.isa = std::string_view("reference\0", 10);
  CHECK(failure([&] { vial::Engine::open(model, strange); }) == vial::Status::invalid_argument);
  vial::ScoreOptions score;
  score.isa = strange.isa;
  const std::vector<vial::Token> ids{1, 2};
  CHECK(failure([&] { model.score(ids, score); }) == vial::Status::invalid_argument);
  std::vector<float> small(1);
  CHECK(failure([&] { model.score_into(ids, small); }) == vial::Status::buffer_too_small);
  std::vector<vial::Message> messages{{"user", "a", vial::MessageFlags::none, "{}"}};
  CHECK(failure([&] { model.render_chat(messages); }) == vial::Status::invalid_argument);
  const vial::Engine engine = vial::Engine::open(model);
  vial::RequestOptions options = asked(1);
  options.deadline = std::chrono::milliseconds(-1);
  CHECK(failure([&] { engine.submit(options); }) == vial::Status::invalid_argument);
  options = asked(1);
  options.text = "\xff";
  CHECK(failure([&] { engine.submit(options); }) == vial::Status::invalid_utf8);
  vial::ModelOptions nobody;
  nobody.trusted_keys.emplace();
  CHECK(failure([&] { vial::Model::open(path, nobody); }) == vial::Status::untrusted);
  vial::EngineOptions half;
  half.release = [](void *, std::uint64_t) {};
  CHECK(failure([&] { vial::Engine::open(model, half); }) == vial::Status::invalid_argument);
}

/** What callbacks throw stays on this side of C. */
void throwing(const vial::Model &model, const vial::Engine &engine) {
  const std::vector<vial::Token> ids(20, 5);
  int calls = 0;
  vial::ScoreOptions score;
  score.progress = [&calls](std::uint64_t, std::uint64_t) -> bool { throw std::runtime_error("progress " + std::to_string(++calls)); };
  try {
    model.score(ids, score);
    CHECK(false);
  } catch (const std::runtime_error &error) {
    CHECK(std::string_view(error.what()) == "progress 1");
  }
  vial::VerifyOptions verify;
  verify.thread_count = 2;
  verify.progress = [](std::uint64_t, std::uint64_t) -> bool { throw 42; };
  try {
    model.verify(verify);
    CHECK(false);
  } catch (int number) {
    CHECK(number == 42);
  }
  score.progress = [](std::uint64_t done, std::uint64_t) { return done < 3; };
  CHECK(failure([&] { model.score(ids, score); }) == vial::Status::cancelled);

  std::atomic<int> events{0};
  vial::RequestOptions options = asked(1500);
  options.on_event = [&events](const vial::Event &) {
    if (++events == 3) throw std::runtime_error("third");
  };
  const vial::Request request = engine.submit(options);
  CHECK(comes([&] { return request.info().where() == vial::RequestState::finished; }));
  CHECK(request.info().reason() == vial::FinishReason::cancelled);
  CHECK(comes([&] { return request.callback_failure() != nullptr; }) && events == 3);
  try {
    std::rethrow_exception(request.callback_failure());
  } catch (const std::runtime_error &error) {
    CHECK(std::string_view(error.what()) == "third");
  }
  CHECK(failure([&] { request.answer(); }) == vial::Status::invalid_argument);
}

/** A request that goes inside its own callback, with what the callback holds; and one that the
 *  callback of another engine takes away. */
void going_inside(const vial::Model &model) {
  const auto witness = std::make_shared<int>(0);
  {
    const vial::Engine engine = vial::Engine::open(model);
    const vial::Engine neighbour = vial::Engine::open(model);
    std::atomic<int> gone{0};
    for (int round = 0; round < 20; round++) {
      const auto own = std::make_shared<vial::Request>();
      std::mutex lock;
      vial::RequestOptions options = asked(50);
      options.on_event = [&, own, witness](const vial::Event &) {
        const std::lock_guard<std::mutex> guard(lock);
        *own = vial::Request();
        ++gone;
      };
      {
        const std::lock_guard<std::mutex> guard(lock);
        *own = engine.submit(options);
      }
      options.on_event = nullptr;
      CHECK(comes([&] { return gone == round + 1; }));
      const std::lock_guard<std::mutex> guard(lock);
      dead(*own);
    }
    CHECK(comes([&] { return witness.use_count() <= 2; }));
    for (int round = 0; round < 20; round++) {
      std::mutex lock;
      vial::Request target, killer;
      std::atomic<int> delivered{0};
      std::atomic<bool> is_killed{false};
      vial::RequestOptions victim = asked(400);
      victim.on_event = [&, witness](const vial::Event &event) {
        if (*witness == 0 && !event.text().empty()) ++delivered;
      };
      target = engine.submit(victim);
      vial::RequestOptions other = asked(1);
      other.on_event = [&](const vial::Event &) {
        const std::lock_guard<std::mutex> guard(lock);
        target = vial::Request();
        is_killed = true;
      };
      CHECK(comes([&] { return delivered > 2; }));
      {
        const std::lock_guard<std::mutex> guard(lock);
        killer = neighbour.submit(other);
      }
      CHECK(comes([&] { return is_killed.load(); }));
      victim.on_event = nullptr;
      // What the victim's callback refers to goes here: no callback of its engine may run any more.
      vial::RequestOptions last = asked(1);
      std::atomic<bool> is_over{false};
      last.on_event = [&](const vial::Event &event) { is_over = event.is_finished(); };
      const vial::Request after = engine.submit(last);
      CHECK(comes([&] { return is_over.load(); }));
    }
  }
  CHECK(witness.use_count() == 1);
}

/** A request whose computation fails: an answer of it, and pieces, must not look like whole
 *  ones. */
void failing(const char *path) {
  const vial::Model model = vial::Model::open(path);
  const vial::Engine engine = vial::Engine::open(model);
  vial::RequestOptions options;
  options.tokens = {1};
  options.max_tokens = 4;
  options.sampling.emplace();
  while (options.sampling->banned_tokens.size() < model.info().vocabulary_size)
    options.sampling->banned_tokens.push_back(static_cast<vial::Token>(options.sampling->banned_tokens.size()));
  CHECK(failure([&] { engine.submit(options).answer(); }) == vial::Status::numeric);
  const vial::Request request = engine.submit(options);
  vial::Pieces pieces = request.pieces();
  CHECK(failure([&] { for (const std::string_view piece : pieces) CHECK(piece.empty()); }) == vial::Status::numeric);
  CHECK(pieces.status() == vial::Status::numeric && pieces.finish_reason() == vial::FinishReason::error);
}

/** An engine cannot be closed in a callback: it says so, or stays. */
void engine_inside(const vial::Model &model) {
  vial::EngineOptions own_memory;
  const auto witness = std::make_shared<int>(0);
  own_memory.allocate = [](std::uint64_t byte_count, std::uint64_t alignment) -> void * {
    return std::aligned_alloc(alignment, (byte_count + alignment - 1) / alignment * alignment);
  };
  own_memory.release = [witness](void *memory, std::uint64_t) { std::free(memory); };
  auto engine = std::make_unique<vial::Engine>(vial::Engine::open(model, own_memory));
  std::atomic<int> status{-1};
  vial::RequestOptions options = asked(1);
  options.on_event = [&](const vial::Event &event) {
    if (event.is_finished()) status = static_cast<int>(engine->close());
  };
  vial::Request request = engine->submit(options);
  CHECK(comes([&] { return status != -1; }) && status == VIAL_STATUS_IN_CALLBACK);
  vial_engine *handle = engine->handle();
  std::atomic<bool> is_gone{false};
  options.on_event = [&](const vial::Event &event) {
    if (event.is_finished()) engine.reset(), is_gone = true;
  };
  request = engine->submit(options);
  CHECK(comes([&] { return is_gone.load(); }));
  vial_engine_info info = VIAL_ENGINE_INFO_INIT;
  STATUS(VIAL_STATUS_OK, vial_engine_get_info(handle, &info));
  request = vial::Request();
  // It uses its callbacks of memory to the end.
  STATUS(VIAL_STATUS_OK, vial_engine_close(handle));
  CHECK(witness.use_count() > 2);
}

/** A thread that waits while another closes. */
void closed_meanwhile(const vial::Model &model) {
  const vial::Engine engine = vial::Engine::open(model);
  std::thread closer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    engine.close();
  });
  for (const vial::Event &event : engine.events()) CHECK(event.kind() == vial::EventKind::none);
  closer.join();
  const vial::Engine second = vial::Engine::open(model);
  const vial::Request request = second.submit(asked(1));
  CHECK(request.answer().tokens.size() <= 1);
  vial::RequestOptions waits = asked(1500);
  const vial::Request endless = second.submit(waits);
  CHECK(failure([&] { endless.answer(std::chrono::milliseconds(0)); }) == vial::Status::timed_out);
}

void forked(const vial::Model &model, const vial::Engine &engine) {
  const pid_t child = fork();
  if (child == 0) {
    const bool is_right = failure([&] { model.info(); }) == vial::Status::forked &&
                          failure([&] { engine.submit("a"); }) == vial::Status::forked &&
                          engine.close() == vial::Status::forked;
    _exit(is_right ? 0 : 1);
  }
  int state = 1;
  CHECK(waitpid(child, &state, 0) == child && state == 0);
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  moved_and_closed(argv[1]);
  arguments(argv[1]);
  failing(argv[2]);
  {
    const vial::Model model = vial::Model::open(argv[1]);
    const vial::Engine engine = vial::Engine::open(model);
    throwing(model, engine);
    going_inside(model);
    engine_inside(model);
    closed_meanwhile(model);
    forked(model, engine);
  }
  return finish("misuse.cpp");
}

// Owns: that opening, asking, calling back and failing thousands of times takes no more memory than
// doing it a few times.
// Must not: judge answers.
// Usage: memory MODEL CYCLES
#include "vial.hpp"

#include "check.h"

#include <condition_variable>
#include <fstream>
#include <string>

namespace {

/** Kilobytes of this process that are in memory, and no file's. */
long resident() {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);)
    if (line.rfind("RssAnon:", 0) == 0) return std::stol(line.substr(8));
  return -1;
}

/** Open files of this process. */
long descriptors() {
  long count = 0;
  for (int number = 0; number < 256; number++)
    if (std::ifstream("/proc/self/fd/" + std::to_string(number)).good()) count++;
  return count;
}

std::atomic<long> captures{0};

/** What a callback holds, counted. */
struct Capture {
  Capture() { ++captures; }
  Capture(const Capture &) { ++captures; }
  Capture &operator=(const Capture &) = default;
  ~Capture() { --captures; }
};

vial::RequestOptions asked() {
  vial::RequestOptions options;
  options.tokens = {1, 2, 3, 4};
  options.max_tokens = 2;
  return options;
}

/** A request with each way to end, on one engine. */
void ask(const vial::Engine &engine, int round) {
  vial::RequestOptions options = asked();
  if (round % 4 == 0) {
    CHECK(engine.submit(options).answer().tokens.size() <= 2);
    return;
  }
  if (round % 4 == 1) {
    options.adapter = "there is none";
    try {
      engine.submit(options);
      CHECK(false);
    } catch (const vial::Error &error) {
      CHECK(error.status() == vial::Status::not_in_file);
    }
    return;
  }
  std::mutex lock;
  std::condition_variable ended;
  bool is_over = false;
  const auto own = std::make_shared<vial::Request>();
  options.on_event = [&, own, held = Capture()](const vial::Event &event) {
    const std::lock_guard<std::mutex> guard(lock);
    if (round % 4 == 3) *own = vial::Request();
    is_over = round % 4 == 3 || event.is_finished();
    if (is_over) ended.notify_all();
  };
  std::unique_lock<std::mutex> guard(lock);
  *own = engine.submit(options);
  ended.wait(guard, [&] { return is_over; });
  guard.unlock();
  if (round % 4 == 2) *own = vial::Request();
}

void cycle(const char *path, int round) {
  const vial::Model model = vial::Model::open(path);
  CHECK(model.encode("the patient").size() > 0);
  if (round % 8 != 0) return;
  vial::EngineOptions options;
  options.thread_count = 1;
  options.log = [held = Capture()](vial::LogLevel, std::string_view) {};
  const vial::Engine engine = vial::Engine::open(model, options);
  vial::Request kept = engine.submit(asked());
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  const int cycles = std::atoi(argv[2]);
  const auto run = [&](int count) {
    {
      const vial::Model model = vial::Model::open(argv[1]);
      vial::EngineOptions options;
      options.thread_count = 1;
      const vial::Engine engine = vial::Engine::open(model, options);
      for (int round = 0; round < count; round++) ask(engine, round);
    }
    for (int round = 0; round < count; round++) cycle(argv[1], round);
  };
  run(cycles / 10 + 8);
  CHECK(captures == 0);
  const long before = resident(), files = descriptors();
  run(cycles);
  const long growth = resident() - before;
  CHECK(captures == 0);
  CHECK(descriptors() == files);
  // A heap's own order costs something once, whatever the cycles; objects of callbacks are counted.
  CHECK(growth <= 256);
  std::fprintf(stderr, "memory.cpp: %d cycles, %ld KiB more\n", cycles, growth);
  return finish("memory.cpp");
}

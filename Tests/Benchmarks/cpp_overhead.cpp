// Owns: what vial.hpp adds to each token beside C in the same run: reading an event, a callback.
// Must not: measure computing: requests have ended before their events are read.
// Usage: cpp_overhead MODEL [TOKENS]. Prints medians of rounds in turns, in microseconds a token.
#include "vial.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace {

constexpr int rounds = 41;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

vial::Request ended(const vial::Engine &engine, std::uint32_t tokens) {
  vial::RequestOptions options;
  options.tokens = {1, 2, 3, 4};
  options.max_tokens = tokens;
  options.sampling.emplace();
  options.sampling->temperature = 1;
  options.sampling->flags = vial::SamplingFlags::ignore_end;
  vial::Request request = engine.submit(options);
  while (request.info().where() != vial::RequestState::finished)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return request;
}

std::uint64_t bytes = 0;
std::uint64_t count = 0;

double read_by_c(const vial::Request &request) {
  vial_event event = VIAL_EVENT_INIT;
  count = 0;
  const double start = now();
  while (vial_request_next_event(request.handle(), 0, &event) == VIAL_STATUS_OK) {
    bytes += event.text.length;
    count++;
  }
  return (now() - start) / static_cast<double>(count) * 1e6;
}

double read_by_loop(const vial::Request &request) {
  count = 0;
  const double start = now();
  for (const vial::Event &event : request.events(std::chrono::milliseconds(0))) {
    bytes += event.text().size();
    count++;
  }
  return (now() - start) / static_cast<double>(count) * 1e6;
}

double read_pieces(const vial::Request &request) {
  const double start = now();
  for (const std::string_view piece : request.pieces(vial::AnswerPart::answer, std::chrono::milliseconds(0)))
    bytes += piece.size();
  return (now() - start) / static_cast<double>(count) * 1e6;
}

void on_event(void *context, const vial_event *event) {
  *static_cast<std::uint64_t *>(context) += event->text.length;
}

/** Calls a callback as the delivery thread does, with the same event each time. */
double call(vial_event_callback function, void *context) {
  constexpr int calls = 100000;
  vial_event event = VIAL_EVENT_INIT;
  event.kind = VIAL_EVENT_TOKEN;
  event.text = {"token", 5};
  const double start = now();
  for (int index = 0; index < calls; index++) function(context, &event);
  return (now() - start) / calls * 1e6;
}

} // namespace

int main(int argc, char **argv) {
  if (argc < 2) return std::fprintf(stderr, "usage: cpp_overhead MODEL [TOKENS]\n"), 2;
  const auto tokens = static_cast<std::uint32_t>(argc > 2 ? std::atoi(argv[2]) : 400);
  const vial::Model model = vial::Model::open(argv[1]);
  const vial::Engine engine = vial::Engine::open(model);
  std::vector<double> c, loop, pieces, c_callback, callback;
  vial::detail::EventContext context([](const vial::Event &event) { bytes += event.text().size(); },
                                     std::make_shared<vial::detail::EngineState>(vial::EngineOptions()));
  // Not constant, so that no call is inlined.
  vial_event_callback volatile plain = on_event;
  vial_event_callback volatile wrapped = vial::detail::EventContext::deliver;
  for (int round = 0; round < rounds; round++) {
    c.push_back(read_by_c(ended(engine, tokens)));
    loop.push_back(read_by_loop(ended(engine, tokens)));
    pieces.push_back(read_pieces(ended(engine, tokens)));
    c_callback.push_back(call(plain, &bytes));
    callback.push_back(call(wrapped, &context));
  }
  std::printf("events of a request: %llu; medians of %d rounds, us a token\n", static_cast<unsigned long long>(count),
              rounds);
  std::printf("reading an event: C %.4f, C++ %.4f (%+.4f), pieces %.4f (%+.4f)\n", median(c), median(loop),
              median(loop) - median(c), median(pieces), median(pieces) - median(c));
  std::printf("a callback: C %.4f, C++ %.4f (%+.4f)\n", median(c_callback), median(callback),
              median(callback) - median(c_callback));
  return bytes == 0;
}

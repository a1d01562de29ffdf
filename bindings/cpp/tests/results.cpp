// Owns: the other kind of failing: functions that return a Result. Built with and without
// exceptions, and linked with results_other.cpp, which throws.
// Must not: repeat what usage.cpp and misuse.cpp look at.
// Usage: results DEMO
#define VIAL_CPP_RESULTS 1
#include "vial.hpp"

#include "check.h"

/** The same in a translation unit that throws: the answer, and the status of a file that is
 *  none. */
std::string answer_or_throw(const char *path, int &status);

namespace {

void failing(const char *path) {
  const vial::Result<vial::Model> none = vial::Model::open("/there is no such folder/file.vial");
  CHECK(!none && none.error().status() == vial::Status::system && none.error().system_code() == 2);
  CHECK(none.error().what()[0] != 0);
  const vial::Result<vial::Engine> orphan = vial::Engine::open(vial::Model());
  CHECK(!orphan && orphan.error().status() == vial::Status::invalid_handle);
  CHECK(vial::Model().verify().error().status() == vial::Status::invalid_handle && !vial::Model().verify());
  const vial::Result<vial::Model> model = vial::Model::open(path);
  CHECK(model && model.error().status() == vial::Status::ok);
  CHECK(model->verify() && model->info()->layer_count > 0);
  CHECK(model->encode("\xff").error().status() == vial::Status::invalid_utf8);
  CHECK(model->encode("ab\xff").error().byte_offset() == 2);
  CHECK(model->text(vial::ModelText::architecture).value_or("none") == "qwen2");
  CHECK(vial::Model().text(vial::ModelText::architecture).value_or("none") == "none");
}

void asking(const char *path) {
  vial::Model model = *vial::Model::open(path);
  const vial::Engine engine = *vial::Engine::open(model);
  vial::RequestOptions options;
  options.text = "What is asthma?";
  options.max_tokens = 30;
  const vial::Request request = *engine.submit(options);
  std::string text;
  auto events = request.events();
  for (const vial::Event &event : events)
    if (event.part() == vial::AnswerPart::answer) text += event.text();
  CHECK(events.status() == vial::Status::finished && *request.text() == text);
  int status = 0;
  CHECK(answer_or_throw(path, status) == text && status == VIAL_STATUS_SYSTEM);
  // A loop that cannot go on ends, and says why.
  options.max_tokens = 1500;
  const vial::Request endless = *engine.submit(options);
  auto impatient = endless.events(std::chrono::milliseconds(0));
  for (const vial::Event &event : impatient) CHECK(!event.is_finished());
  CHECK(impatient.status() == vial::Status::timed_out);
  auto pieces = vial::Request().pieces();
  for (const std::string_view piece : pieces) CHECK(piece.empty());
  CHECK(pieces.status() == vial::Status::invalid_handle);
  CHECK(endless.answer(std::chrono::milliseconds(0)).error().status() == vial::Status::timed_out);
  CHECK(vial::Request().answer().error().status() == vial::Status::invalid_handle);
}

void callbacks(const char *path) {
  const vial::Model model = *vial::Model::open(path);
  const vial::Engine engine = *vial::Engine::open(model);
  std::atomic<int> last{0};
  vial::RequestOptions options;
  options.text = "What is asthma?";
  options.max_tokens = 3;
  options.on_event = [&last](const vial::Event &event) { last = static_cast<int>(event.finish_reason()); };
  {
    const vial::Result<vial::Request> request = engine.submit(options);
    while (request->info()->where() != vial::RequestState::finished) continue;
    engine.close();
  }
  CHECK(last == VIAL_FINISH_LENGTH);
  vial::VerifyOptions stop;
  stop.progress = [](std::uint64_t, std::uint64_t) { return false; };
  CHECK(model.verify(stop).error().status() == vial::Status::cancelled);
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  failing(argv[1]);
  asking(argv[1]);
  callbacks(argv[1]);
  return finish("results.cpp");
}

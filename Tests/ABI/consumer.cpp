// Owns: the C++17 consumer: the header in a C++ host, two threads on one model, closing meanwhile.
#include "vial.h"

#include "check.h"

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

struct Close {
  void operator()(vial_model *model) const { vial_model_close(model); }
};
using Model = std::unique_ptr<vial_model, Close>;

Model open(const char *path, uint32_t access) {
  vial_model *model = nullptr;
  vial_model_options options = VIAL_MODEL_OPTIONS_INIT;
  options.access = access;
  vial_error error = VIAL_ERROR_INIT;
  STATUS(VIAL_STATUS_OK, vial_model_open(path, &options, &model, &error));
  return Model(model);
}

std::vector<uint32_t> tokenize(vial_model *model, const std::string &text) {
  uint64_t count = 0;
  vial_status status = vial_model_encode(model, vial_text{text.data(), text.size()}, 0, nullptr, 0, &count, nullptr);
  CHECK(status == VIAL_STATUS_BUFFER_TOO_SMALL);
  std::vector<uint32_t> tokens(count);
  STATUS(VIAL_STATUS_OK,
         vial_model_encode(model, vial_text{text.data(), text.size()}, 0, tokens.data(), count, &count, nullptr));
  return tokens;
}

std::vector<float> score(vial_model *model, const std::vector<uint32_t> &tokens, vial_status *status) {
  std::vector<float> scores(tokens.size());
  vial_score_options options = VIAL_SCORE_OPTIONS_INIT;
  options.thread_count = 2;
  *status = vial_model_score(model, tokens.data(), tokens.size(), &options, scores.data(), nullptr);
  return scores;
}

void two_threads(const char *path) {
  Model model = open(path, VIAL_ACCESS_PRIVATE_COPY);
  std::vector<uint32_t> tokens = tokenize(model.get(), "the patient has anemia and takes iron");
  std::vector<float> first, second;
  vial_status statuses[2] = {-1, -1};
  std::thread other([&] { first = score(model.get(), tokens, &statuses[0]); });
  second = score(model.get(), tokens, &statuses[1]);
  other.join();
  CHECK(statuses[0] == VIAL_STATUS_OK && statuses[1] == VIAL_STATUS_OK);
  CHECK(first.size() == second.size());
  for (size_t index = 1; index < first.size(); index++) CHECK(first[index] == second[index]);
}

struct CloseOnce {
  vial_model *model;
  int calls;
};

int32_t close_inside(void *context, uint64_t done, uint64_t total) {
  CloseOnce *once = static_cast<CloseOnce *>(context);
  if (once->calls++ == 0) vial_model_close(once->model);
  return done > total ? 1 : 0;
}

/** Closing a model from its own callback: the call that is under way finishes. */
void close_from_callback(const char *path) {
  vial_model *model = open(path, VIAL_ACCESS_MAPPED).release();
  std::vector<uint32_t> tokens = tokenize(model, "close to the end");
  std::vector<float> scores(tokens.size());
  CloseOnce once = {model, 0};
  vial_score_options options = VIAL_SCORE_OPTIONS_INIT;
  options.progress = close_inside;
  options.progress_context = &once;
  STATUS(VIAL_STATUS_OK,
         vial_model_score(model, tokens.data(), tokens.size(), &options, scores.data(), nullptr));
  CHECK(once.calls == static_cast<int>(tokens.size()));
  vial_status status = VIAL_STATUS_OK;
  score(model, tokens, &status);
  CHECK(status == VIAL_STATUS_INVALID_HANDLE);
}

/** One thread opens and closes while others use what they get hold of: any status, never a crash. */
void race(const char *path) {
  std::atomic<vial_model *> shared{nullptr};
  std::atomic<bool> stops{false};
  std::vector<std::thread> users;
  std::atomic<int> odd{0};
  for (int user = 0; user < 2; user++)
    users.emplace_back([&] {
      while (!stops) {
        vial_model_info info = VIAL_MODEL_INFO_INIT;
        vial_status status = vial_model_get_info(shared, &info);
        if (status != VIAL_STATUS_OK && status != VIAL_STATUS_INVALID_HANDLE) odd++;
      }
    });
  for (int round = 0; round < 200; round++) {
    vial_model *model = open(path, VIAL_ACCESS_MAPPED).release();
    shared = model;
    std::thread twin([&] { vial_model_close(model); });
    vial_model_close(model);
    twin.join();
  }
  stops = true;
  for (std::thread &user : users) user.join();
  CHECK(odd == 0);
}

}  // namespace

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  two_threads(argv[1]);
  close_from_callback(argv[1]);
  race(argv[1]);
  return finish("consumer.cpp");
}

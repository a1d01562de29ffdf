// Owns: the translation unit that throws in a program whose other one returns results.
// Must not: be a program.
#define VIAL_CPP_RESULTS 0
#include "vial.hpp"

std::string answer_or_throw(const char *path, int &status);

std::string answer_or_throw(const char *path, int &status) {
  try {
    vial::Model::open("/there is no such folder/file.vial");
  } catch (const vial::Error &error) {
    status = static_cast<int>(error.status());
  }
  const vial::Model model = vial::Model::open(path);
  const vial::Engine engine = vial::Engine::open(model);
  vial::RequestOptions options;
  options.text = "What is asthma?";
  options.max_tokens = 30;
  return engine.submit(options).answer().text;
}

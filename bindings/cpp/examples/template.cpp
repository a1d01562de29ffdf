// Fills a prompt template of the file with typed values; the answer is JSON that satisfies the
// template's schema. Usage: template MODEL COMPLAINT AGE TEMPERATURE
// c++ -std=c++17 template.cpp $(pkg-config --cflags --libs vial_cpp) -o template
#include <cstdlib>
#include <iostream>
#include <vial.hpp>

int main(int argc, char **argv) try {
  if (argc != 5) return std::cerr << "usage: template MODEL COMPLAINT AGE TEMPERATURE\n", 2;
  const vial::Engine engine = vial::Engine::open(vial::Model::open(argv[1]));
  vial::RequestOptions options;
  options.template_id = "triage";
  options.template_values = {
      vial::TemplateValue::text("complaint", argv[2]),
      vial::TemplateValue::integer("age", std::strtoll(argv[3], nullptr, 10), "years"),
      vial::TemplateValue::number("temperature", std::strtod(argv[4], nullptr), "°C"),
  };
  options.deadline = std::chrono::seconds(60);
  const vial::Answer answer = engine.submit(options).answer();
  std::cout << answer.text << '\n';
  // Whatever else ended it left a beginning, which satisfies no schema.
  return answer.finish_reason == vial::FinishReason::stop ? 0 : 1;
} catch (const vial::Error &error) {
  std::cerr << vial::name(error.status()) << ": " << error.what() << '\n';
  return 1;
}

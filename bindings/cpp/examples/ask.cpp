// Streams the answer to one question. Usage: ask MODEL QUESTION [SEED]
// c++ -std=c++17 ask.cpp $(pkg-config --cflags --libs vial_cpp) -o ask
#include <cstdlib>
#include <iostream>
#include <vial.hpp>

int main(int argc, char **argv) try {
  if (argc < 3) return std::cerr << "usage: ask MODEL QUESTION [SEED]\n", 2;
  const vial::Model model = vial::Model::open(argv[1]);
  const vial::Engine engine = vial::Engine::open(model);
  if (model.info().has(vial::ModelFlags::has_notice))
    std::cerr << model.text(vial::ModelText::notice) << '\n';

  vial::RequestOptions options;
  options.text = argv[2];
  options.seed = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 0;
  const vial::Request request = engine.submit(options);
  vial::Pieces pieces = request.pieces();
  for (const std::string_view piece : pieces) std::cout << piece << std::flush;
  std::cout << '\n';
  // Only an answer that the model ended itself is complete.
  return pieces.finish_reason() == vial::FinishReason::stop ? 0 : 1;
} catch (const std::exception &error) {
  std::cerr << error.what() << '\n';
  return 1;
}

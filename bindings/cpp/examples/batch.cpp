// Many questions, one engine, one loop: answers come in the order in which they are ready.
// Usage: batch MODEL QUESTION...
// c++ -std=c++17 batch.cpp $(pkg-config --cflags --libs vial_cpp) -o batch
#include <algorithm>
#include <iostream>
#include <vector>
#include <vial.hpp>

int main(int argc, char **argv) try {
  if (argc < 3) return std::cerr << "usage: batch MODEL QUESTION...\n", 2;
  const vial::Engine engine = vial::Engine::open(vial::Model::open(argv[1]));
  std::vector<vial::Request> requests;
  for (int index = 2; index < argc; index++) {
    vial::RequestOptions options;
    options.text = argv[index];
    options.max_tokens = 200;
    requests.push_back(engine.submit(options));
  }
  std::size_t open = requests.size();
  for (const vial::Event &event : engine.events()) {
    if (!event.is_finished()) continue;
    const auto found = std::find(requests.begin(), requests.end(), event.request());
    std::cout << argv[2 + (found - requests.begin())] << '\n' << found->text() << "\n\n";
    found->close();
    if (--open == 0) break;
  }
  return 0;
} catch (const std::exception &error) {
  std::cerr << error.what() << '\n';
  return 1;
}

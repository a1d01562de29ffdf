// Owns: the file that a conformance case is about.
// Must not: open it as a model.
#ifndef VIAL_TESTS_LOCATED_HPP
#define VIAL_TESTS_LOCATED_HPP
#include "expectations.hpp"
#include "json.hpp"

#include <cstdlib>
#include <fstream>
#include <string>

#include <unistd.h>

/** A case's file, copied where the case says so. */
class Located {
public:
  explicit Located(const Json &asked) : path_(asked["file"].text()), folder_() {
    if (!asked.has("copy_as")) return;
    char name[] = "/tmp/vial-conformance-XXXXXX";
    if (!mkdtemp(name)) throw std::runtime_error("no temporary folder");
    folder_ = name;
    std::string bytes = read(path_);
    if (asked.has("cut_to")) bytes.resize(asked["cut_to"].integer<std::size_t>());
    path_ = folder_ + "/" + asked["copy_as"].text();
    std::ofstream(path_, std::ios::binary) << bytes;
  }
  Located(const Located &) = delete;
  Located &operator=(const Located &) = delete;
  ~Located() {
    if (folder_.empty()) return;
    std::remove(path_.c_str());
    rmdir(folder_.c_str());
  }
  const std::string &path() const { return path_; }

private:
  std::string path_;
  std::string folder_;
};

#endif

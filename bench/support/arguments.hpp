// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <charconv>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace coir_bench {

// A command line which cannot be obeyed: one line on stderr and exit status 2.
struct BadOption : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Walks over a command line, strictly: every word must be asked for, and numbers must be whole and
// in range.
class Arguments {
 public:
  Arguments(int argc, char** argv) : argc_(argc), argv_(argv) {}

  // The next word, or nothing at the end.
  std::optional<std::string_view> next() {
    if (index_ >= argc_) return std::nullopt;
    return std::string_view(argv_[index_++]);
  }

  // The word after `option`.
  std::string_view value_of(std::string_view option) {
    const auto word = next();
    if (!word) throw BadOption("option " + std::string(option) + " needs a value");
    return *word;
  }

  template <class Number>
  Number number_of(std::string_view option, Number least, Number most) {
    const std::string_view word = value_of(option);
    Number number{};
    const auto parsed = std::from_chars(word.data(), word.data() + word.size(), number);
    const bool whole = parsed.ec == std::errc() && parsed.ptr == word.data() + word.size();
    // Written so that a NaN is refused, too.
    if (!whole || !(number >= least && number <= most)) {
      throw BadOption("bad value for " + std::string(option) + ": " + std::string(word));
    }
    return number;
  }

  [[noreturn]] static void refuse(std::string_view word) {
    throw BadOption("unknown option " + std::string(word));
  }

 private:
  const int argc_;
  char** const argv_;
  int index_ = 1;
};

}  // namespace coir_bench

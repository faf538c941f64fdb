// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace coir_bench {

// Writes JSON by hand, one call per token; commas are its business, balance is the caller's.
class Json {
 public:
  Json& open(char bracket) {
    separate();
    text_ += bracket;
    first_ = true;
    return *this;
  }
  Json& close(char bracket) {
    text_ += bracket;
    first_ = false;
    return *this;
  }
  Json& key(std::string_view name) {
    value(name);
    text_ += ": ";
    first_ = true;  // the value follows the colon without a comma
    return *this;
  }
  Json& value(std::string_view text) {
    separate();
    text_ += '"';
    for (const char letter : text) append_escaped(letter);
    text_ += '"';
    return *this;
  }
  Json& value(const char* text) { return value(std::string_view(text)); }
  Json& value(bool truth) { return raw(truth ? "true" : "false"); }
  Json& value(int number) { return raw(std::to_string(number)); }
  Json& value(std::uint64_t number) { return raw(std::to_string(number)); }
  // JSON knows neither infinity nor NaN: both become null. As many digits as it takes to read the same number
  // again: what is rounded for a table later must come out as it did before.
  Json& value(double number) {
    if (!std::isfinite(number)) return raw("null");
    char digits[40];
    const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    return raw(std::string_view(digits, static_cast<std::size_t>(end - digits)));
  }
  template <class Value>
  Json& field(std::string_view name, const Value& contents) {
    return key(name).value(contents);
  }

  const std::string& text() const { return text_; }

 private:
  Json& raw(std::string_view token) {
    separate();
    text_ += token;
    return *this;
  }
  void separate() {
    if (!first_) text_ += ", ";
    first_ = false;
  }
  void append_escaped(char letter) {
    if (letter == '"' || letter == '\\') {
      text_ += '\\';
      text_ += letter;
    } else if (static_cast<unsigned char>(letter) < 0x20) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(letter));
      text_ += escaped;
    } else {
      text_ += letter;
    }
  }

  std::string text_;
  bool first_ = true;
};

}  // namespace coir_bench

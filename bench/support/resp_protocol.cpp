// SPDX-License-Identifier: BSL-1.0
// Where answers of the protocol of Redis end: RESP2, and of RESP3 what is not asked for.
#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <string>

#include "request_load.hpp"

namespace coir_bench {

namespace {

constexpr std::size_t kDepthMax = 32;

[[noreturn]] void refuse_resp(const std::string& what) {
  throw std::runtime_error("the server's answer " + what);
}

long parse_number(std::string_view text) {
  long number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < -1) {
    refuse_resp("has a length that is none");
  }
  return number;
}

// Returns the bytes of one value at the beginning, 0 if it is not whole.
std::size_t value_size(std::string_view input, std::size_t depth) {
  const std::size_t line_end = input.find("\r\n");
  if (line_end == std::string_view::npos) return 0;
  const std::string_view line = input.substr(1, line_end - 1);
  std::size_t size = line_end + 2;
  switch (input[0]) {
    case '+':
    case ':':
      return size;
    case '-':
      refuse_resp("is the error '" + std::string(line.substr(0, 120)) + "'");
    case '$': {
      const long length = parse_number(line);
      if (length >= 0) size += static_cast<std::size_t>(length) + 2;
      return input.size() < size ? 0 : size;
    }
    case '*': {
      if (depth == kDepthMax) refuse_resp("is nested too deeply");
      for (long left = parse_number(line); left > 0; --left) {
        const std::string_view rest = input.substr(size);
        const std::size_t item = rest.empty() ? 0 : value_size(rest, depth + 1);
        if (item == 0) return 0;
        size += item;
      }
      return size;
    }
    default:
      refuse_resp(std::string("is not in the protocol of Redis") +
                  (input.starts_with("HTTP/") ? "; it looks like HTTP: coir bench http" : ""));
  }
}

std::string encode(std::string_view command) {
  std::string words;
  std::size_t count = 0;
  for (std::size_t at = 0; at < command.size();) {
    const std::size_t begin = command.find_first_not_of(' ', at);
    if (begin == std::string_view::npos) break;
    at = std::min(command.find(' ', begin), command.size());
    words += "$" + std::to_string(at - begin) + "\r\n";
    words += command.substr(begin, at - begin);
    words += "\r\n";
    ++count;
  }
  return "*" + std::to_string(count) + "\r\n" + words;
}

class RespProtocol : public RequestProtocol {
 public:
  explicit RespProtocol(std::string_view command) : request_(encode(command)) {}

  std::string_view request() const override { return request_; }
  Answer parse_answer(std::string_view input) const override {
    return {value_size(input, 0), false};
  }

 private:
  const std::string request_;
};

}  // namespace

std::unique_ptr<RequestProtocol> make_resp_protocol(std::string_view command) {
  return std::make_unique<RespProtocol>(command);
}

}  // namespace coir_bench

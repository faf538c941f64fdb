// SPDX-License-Identifier: BSL-1.0
// Where answers of HTTP/1.1 end (RFC 9112, section 6.3).
#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "request_load.hpp"

namespace coir_bench {

namespace {

constexpr std::size_t kHeadMax = 64 * 1024;

[[noreturn]] void refuse_http(const std::string& what) {
  throw std::runtime_error("the server's answer " + what);
}

constexpr std::string_view kVersion = "HTTP/1.";

// What speaks like that, as far as its first bytes tell.
const char* guess_protocol(std::string_view input) {
  if (input.starts_with("-ERR") || input.starts_with("-NOAUTH") || input.starts_with("-DENIED")) {
    return "; it looks like Redis: coir bench resp";
  }
  if (input.starts_with("SSH-")) return "; it looks like SSH";
  if (input.starts_with("220")) return "; it looks like mail or FTP";
  if (input.starts_with("\x15\x03")) return "; it looks like TLS, which is not spoken here";
  if (input.size() > 5 && input.substr(3, 2) == std::string_view("\0\x0a", 2)) {
    return "; it looks like MySQL";
  }
  return "";
}

std::string printable(std::string_view text) {
  std::string shown;
  for (const char letter : text.substr(0, std::min(text.find_first_of("\r\n"), std::size_t{60}))) {
    shown += letter >= ' ' && letter < 127 ? letter : '?';
  }
  return shown;
}

// As soon as it can be told, for what is no HTTP need not have an end either.
void check_is_http(std::string_view input) {
  const std::string_view begin = input.substr(0, kVersion.size());
  if (kVersion.starts_with(begin)) return;
  if (input.size() < kVersion.size()) return;  // there may be more to show
  refuse_http("is no HTTP/1.1, but begins with '" + printable(input) + "'" + guess_protocol(input));
}

char lower(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + ('a' - 'A')) : letter;
}

bool same_word(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t at = 0; at < a.size(); ++at) {
    if (lower(a[at]) != lower(b[at])) return false;
  }
  return true;
}

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::size_t parse_number(std::string_view text, int base) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc() || end != text.data() + text.size() || number > (std::size_t{1} << 40)) {
    refuse_http("has a length that is none");
  }
  return number;
}

// Where the line that begins at `at` ends, with its CRLF; npos if it does not.
std::size_t line_end_of(std::string_view text, std::size_t at) {
  const std::size_t end = text.find("\r\n", at);
  return end == std::string_view::npos ? end : end + 2;
}

// Returns the bytes of a body in chunks with its trailer, 0 if it is not whole.
std::size_t chunked_size(std::string_view body) {
  std::size_t at = 0;
  for (;;) {
    const std::size_t data = line_end_of(body, at);
    if (data == std::string_view::npos) return 0;
    const std::string_view line = body.substr(at, data - 2 - at);
    const std::size_t chunk = parse_number(trim(line.substr(0, line.find(';'))), 16);
    at = data;
    if (chunk == 0) break;
    if (body.size() - at < chunk + 2) return 0;
    at += chunk + 2;
  }
  // Trailers, up to an empty line.
  for (;;) {
    const std::size_t next = line_end_of(body, at);
    if (next == std::string_view::npos) return 0;
    if (next == at + 2) return next;
    at = next;
  }
}

struct Head {
  std::size_t size = 0;
  std::size_t content_length = 0;
  bool has_length = false;
  bool chunked = false;
  bool closes = false;
  bool has_body = true;
};

Head parse_head(std::string_view text) {
  Head head;
  head.size = text.size() + 4;
  std::size_t line_end = text.find("\r\n");
  const std::string_view status_line = text.substr(0, line_end);
  if (!status_line.starts_with(kVersion) || status_line.size() < 12) refuse_http("is no HTTP/1.1");
  const std::size_t status = parse_number(status_line.substr(9, 3), 10);
  if (status >= 400) refuse_http("is '" + std::string(status_line.substr(0, 80)) + "'");
  head.has_body = status >= 200 && status != 204 && status != 304;
  while (line_end != std::string_view::npos) {
    const std::size_t begin = line_end + 2;
    line_end = text.find("\r\n", begin);
    const std::string_view line = text.substr(begin, line_end - begin);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) refuse_http("has a header line without a colon");
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = trim(line.substr(colon + 1));
    if (same_word(name, "content-length")) {
      head.content_length = parse_number(value, 10);
      head.has_length = true;
    } else if (same_word(name, "transfer-encoding")) {
      head.chunked = same_word(value, "chunked");
    } else if (same_word(name, "connection") && same_word(value, "close")) {
      head.closes = true;
    }
  }
  return head;
}

// Returns the bytes of an answer; 0, or more than there are, if it is not whole.
std::size_t answer_size(const Head& head, std::string_view input) {
  if (!head.has_body) return head.size;
  if (head.chunked) {
    const std::size_t body = chunked_size(input.substr(head.size));
    return body == 0 ? 0 : head.size + body;
  }
  if (!head.has_length) refuse_http("has a body that only ends with its connection");
  return head.size + head.content_length;
}

class HttpProtocol : public RequestProtocol {
 public:
  HttpProtocol(const std::string& host, const std::string& path)
      : request_("GET " + path + " HTTP/1.1\r\nHost: " + host +
                 "\r\nUser-Agent: coir-bench\r\nAccept: */*\r\n\r\n") {}

  std::string_view request() const override { return request_; }

  Answer parse_answer(std::string_view input) const override {
    check_is_http(input);
    const std::size_t end = input.find("\r\n\r\n");
    if (end == std::string_view::npos) {
      if (input.size() > kHeadMax) refuse_http("has a head without an end");
      return {};
    }
    const Head head = parse_head(input.substr(0, end));
    const std::size_t size = answer_size(head, input);
    return {size <= input.size() ? size : 0, head.closes};
  }

 private:
  const std::string request_;
};

}  // namespace

std::unique_ptr<RequestProtocol> make_http_protocol(const std::string& host,
                                                    const std::string& path) {
  return std::make_unique<HttpProtocol>(host, path);
}

}  // namespace coir_bench

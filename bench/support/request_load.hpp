// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "load.hpp"

namespace coir_bench {

// An answer at the beginning of what a server has sent.
struct Answer {
  std::size_t size = 0;   // bytes; 0: it is not whole yet
  bool is_last = false;  // the server ends the connection after it
};

// What is asked of a server again and again, and where its answers end.
class RequestProtocol {
 public:
  virtual ~RequestProtocol() = default;
  // The bytes of one request.
  virtual std::string_view request() const = 0;
  // Throws std::runtime_error if it is no answer, or says that the request failed.
  virtual Answer parse_answer(std::string_view input) const = 0;
};

// GET of a path over HTTP/1.1 with connections that stay open. Answers with a status of 400 and above
// fail.
std::unique_ptr<RequestProtocol> make_http_protocol(const std::string& host, const std::string& path);

// One command of Redis: words with spaces between them. Errors fail.
std::unique_ptr<RequestProtocol> make_resp_protocol(std::string_view command);

struct RequestLoadPlan {
  sockaddr_storage address{};
  socklen_t address_size = 0;
  std::size_t connections = 64;
  std::size_t pipeline = 1;  // requests under way on each connection
};

// A closed loop: each answer is followed by the next request, on a new connection where the server
// ends the old one. Throws std::system_error if the server
// cannot be reached.
std::unique_ptr<Load> make_request_load(const RequestLoadPlan& plan,
                                        std::unique_ptr<RequestProtocol> protocol);

}  // namespace coir_bench

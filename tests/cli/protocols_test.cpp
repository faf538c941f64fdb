// SPDX-License-Identifier: BSL-1.0
// Where the answers of servers end that `coir bench http` and `coir bench resp` measure.
#include "support/catch.hpp"

#include "support/request_load.hpp"

#include <string>

using namespace coir_bench;

namespace {

// Whole, it is one answer, also with more behind it; no part of it is.
void check_whole(const RequestProtocol& protocol, const std::string& text, bool is_last = false) {
    for (std::size_t size = 1; size < text.size(); ++size) {
        INFO(text.substr(0, size));
        CHECK(protocol.parse_answer(std::string_view(text).substr(0, size)).size == 0);
    }
    CHECK(protocol.parse_answer(text).size == text.size());
    CHECK(protocol.parse_answer(text + text).size == text.size());
    CHECK(protocol.parse_answer(text).is_last == is_last);
}

}  // namespace

TEST_CASE("bench http: where answers end", "[cli]") {
    const auto http = make_http_protocol("host:80", "/path");
    CHECK(http->request().starts_with("GET /path HTTP/1.1\r\nHost: host:80\r\n"));
    CHECK(http->request().ends_with("\r\n\r\n"));
    check_whole(*http, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    check_whole(*http, "HTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n");
    check_whole(*http, "HTTP/1.1 204 No Content\r\nServer: x\r\n\r\n");
    check_whole(*http, "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n");
    check_whole(*http,
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                "5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n");
    check_whole(*http,
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
                "2\r\n0\r\r\n0\r\nTrailer: 0\r\n\r\n");
    check_whole(*http, "HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 1\r\n\r\nx", true);
}

TEST_CASE("bench http: what is no answer, or a failure", "[cli]") {
    const auto http = make_http_protocol("host", "/");
    for (const char* text :
         {"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "SSH-2.0-x\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
          "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"}) {
        INFO(text);
        CHECK_THROWS_AS(http->parse_answer(text), std::runtime_error);
    }
    CHECK_THROWS_AS(http->parse_answer(std::string(100'000, 'x')), std::runtime_error);
}

TEST_CASE("bench http, resp: what speaks something else is told by how it looks", "[cli]") {
    const auto refusal = [](const RequestProtocol& protocol, std::string_view text) {
        try {
            protocol.parse_answer(text);
            return std::string();
        } catch (const std::runtime_error& error) {
            return std::string(error.what());
        }
    };
    const auto http = make_http_protocol("host", "/");
    CHECK(refusal(*http, "-ERR wrong number of arguments for 'get' command\r\n") ==
          "the server's answer is no HTTP/1.1, but begins with '-ERR wrong number of arguments for 'get' "
          "command'; it looks like Redis: coir bench resp");
    // Without the end of a head, which will never come.
    CHECK(refusal(*http, "SSH-2.0-OpenSSH\r\n").ends_with("; it looks like SSH"));
    CHECK(refusal(*http, "220 mail.example ESMTP\r\n").ends_with("; it looks like mail or FTP"));
    CHECK(refusal(*http, std::string_view("\x15\x03\x01\x00\x02\x02\x28", 7)).find("it looks like TLS") !=
          std::string::npos);
    CHECK(refusal(*http, std::string_view("\x4a\0\0\0\x0a\x38.0", 8)).ends_with("; it looks like MySQL"));
    CHECK(refusal(*http, "some words\x1b[31m").ends_with("but begins with 'some words?[31m'"));
    CHECK(refusal(*http, "HTT").empty());
    const auto resp = make_resp_protocol("PING");
    CHECK(refusal(*resp, "HTTP/1.1 400 Bad Request\r\n").ends_with("; it looks like HTTP: coir bench http"));
}

TEST_CASE("bench resp: where answers end", "[cli]") {
    const auto resp = make_resp_protocol("  SET key  value ");
    CHECK(resp->request() == "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n");
    check_whole(*resp, "+OK\r\n");
    check_whole(*resp, ":-7\r\n");
    check_whole(*resp, "$5\r\nhello\r\n");
    check_whole(*resp, "$0\r\n\r\n");
    check_whole(*resp, "$-1\r\n");
    check_whole(*resp, "*-1\r\n");
    check_whole(*resp, "*0\r\n");
    check_whole(*resp, "*3\r\n:1\r\n*1\r\n$2\r\n\r\n\r\n+x\r\n");
}

TEST_CASE("bench resp: what is no answer, or a failure", "[cli]") {
    const auto resp = make_resp_protocol("PING");
    std::string deep;
    for (int i = 0; i < 100; ++i) deep += "*1\r\n";
    for (const std::string& text : {std::string("-ERR no\r\n"), std::string("HTTP/1.1 400\r\n"),
                                    std::string("$x\r\n"), std::string("$-2\r\n"), deep}) {
        INFO(text);
        CHECK_THROWS_AS(resp->parse_answer(text), std::runtime_error);
    }
}

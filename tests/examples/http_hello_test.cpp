// SPDX-License-Identifier: BSL-1.0
// examples/http_hello.cpp: what a request may be, and what it is answered with.
#include "example_server.hpp"
#include "support/catch.hpp"

using namespace server_test;
using namespace std::chrono_literals;

namespace {

const char* const program = "COIR_TEST_HTTP_HELLO";
const std::string greeting = "Hello, world!";
const std::string get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const std::string last = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

std::string status_of(const std::string& answer) {
    return answer.starts_with("HTTP/1.1 ") ? answer.substr(9, 3) : "no status: " + answer;
}
std::string with(const std::string& line, const std::string& fields = "Host: x\r\n") {
    return line + "\r\n" + fields + "\r\n";
}

}  // namespace

TEST_CASE("http_hello: keep-alive and pipelining") {
    ExampleServer server(program);
    Client client = server.connect();
    const std::string once =
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\n" + greeting;
    for (int i = 0; i < 100; ++i) {
        client.send(get);
        REQUIRE(client.receive(once.size()) == once);
    }
    // More than a read brings, and more than the kernel's buffers hold.
    const std::string many = repeated(get, 20'000);
    REQUIRE(client.send_and_receive(many, 20'000 * once.size()) == repeated(once, 20'000));
    client.send(last + get);
    const std::string end = client.receive(1 << 20);
    CHECK(count(end, greeting) == 1);  // what comes after the last request is not answered
    CHECK(end.find("Connection: close\r\n") != end.npos);
}

TEST_CASE("http_hello: requests that come in pieces") {
    ExampleServer server(program);
    CHECK(status_of(server.answer_to_bytes(last)) == "200");
    const std::string two =
        server.answer_to_bytes(get + "\r\n" + last);  // with an empty line between
    CHECK(count(two, greeting) == 2);
}

TEST_CASE("http_hello: when the connection goes on") {
    ExampleServer server(program);
    const auto greetings = [&](const std::string& first, const std::string& fields) {
        const std::string request = with("GET / HTTP/" + first, fields);
        return count(server.answer(request + request, true), greeting);
    };
    CHECK(greetings("1.1", "Host: x\r\n") == 2);
    CHECK(greetings("1.1", "Host: x\r\nConnection: close\r\n") == 1);
    CHECK(greetings("1.1", "Host: x\r\nconnection:  Upgrade ,\tCLOSE \r\n") == 1);
    CHECK(greetings("1.1", "Host: x\r\nConnection: closed\r\n") == 2);
    CHECK(greetings("1.0", "") == 1);
    CHECK(greetings("1.0", "Connection: keep-alive\r\n") == 2);
    CHECK(server.answer(with("GET / HTTP/1.0", "Connection: Keep-Alive\r\n"), true)
              .find("Connection: keep-alive\r\n") != std::string::npos);
}

TEST_CASE("http_hello: what is refused, and with what") {
    ExampleServer server(program);
    const std::string host = "Host: x\r\n";
    const std::pair<std::string, std::string> cases[] = {
        {"\x16\x03\x01", "400"},  // TLS; no end of a line is waited for
        {"\n", "400"},
        {"GET / HTTP/1.1\nHost: x\n\n", "400"},
        {with("GET /"), "400"},
        {with("GET  HTTP/1.1"), "400"},
        {with("GET / / HTTP/1.1"), "400"},
        {with("GET /\x01 HTTP/1.1"), "400"},
        {with("G<T / HTTP/1.1"), "400"},
        {with("GET / HTTP/2.0"), "505"},
        {with("GET / http/1.1"), "400"},
        {with("HEAD / HTTP/1.1"), "405"},
        {with("POST / HTTP/1.1"), "405"},
        {with("GET / HTTP/1.1", ""), "400"},
        {with("GET / HTTP/1.1", host + host), "400"},
        {with("GET / HTTP/1.1", host + "X : y\r\n"), "400"},
        {with("GET / HTTP/1.1", host + " folded\r\n"), "400"},
        {with("GET / HTTP/1.1", host + ": y\r\n"), "400"},
        {with("GET / HTTP/1.1", host + "no colon\r\n"), "400"},
        {with("GET / HTTP/1.1", host + "X: a\rb\r\n"), "400"},
        {with("GET / HTTP/1.1", host + std::string("X: \0\r\n", 6)), "400"},
        {with("GET / HTTP/1.1", host + "Content-Length: 3\r\n") + "abc", "413"},
        {with("GET / HTTP/1.1", host + "Content-Length: -1\r\n"), "400"},
        {with("GET / HTTP/1.1", host + "Content-Length:\r\n"), "400"},
        {with("GET / HTTP/1.1", host + "Content-Length: 99999999999999999999\r\n"), "413"},
        {with("GET / HTTP/1.1", host + "Transfer-Encoding: chunked\r\n") + "0\r\n\r\n", "413"},
        {with("GET / HTTP/1.1", host + "X: " + std::string(8192, 'x') + "\r\n"), "431"},
        {with("GET /" + std::string(8192, 'x') + " HTTP/1.1"), "431"},
        {std::string(8193, 'x'), "431"},
        {repeated("\r\n", 5000), "431"},
        {with("GET / HTTP/1.1", host + repeated("X: y\r\n", 1400)), "431"},
    };
    for (const auto& [request, status] : cases) {
        CAPTURE(request.substr(0, 80));
        // Nothing behind it is answered.
        const std::string answer = server.answer(request + get);
        CHECK(status_of(answer) == status);
        CHECK(count(answer, "HTTP/1.1 ") == 1);
        CHECK(count(answer, "Connection: close\r\n") == 1);
    }
    for (const std::string& good :
         {with("GET / HTTP/1.1", host + "Content-Length: 0\r\n"), with("GET * HTTP/1.1"),
          with("GET http://x/?q=%20 HTTP/1.1", "hOST:\r\n"),
          with("GET / HTTP/1.1", host + "X: " + std::string(8100, 'x') + "\r\n")}) {
        CAPTURE(good.substr(0, 80));
        CHECK(status_of(server.answer(good, true)) == "200");
    }
}

TEST_CASE("http_hello: a client that does not read, and one that is gone") {
    ExampleServer server(program);
    Client lazy = server.connect();
    // The kernel's buffers fill, and the server stops reading.
    CHECK(lazy.send_without_reading(64 << 20, repeated(get, 2000)) < 64 << 20);
    for (int i = 0; i < 20; ++i) {
        Client gone = server.connect();
        gone.send(get);
        gone.reset();
    }
    CHECK(status_of(server.answer(last)) == "200");
}

TEST_CASE("http_hello: ten seconds are enough for anybody") {
    ExampleServer server(program);
    Client idle = server.connect();
    Client slow = server.connect();
    slow.send("GET / HTTP/1.1\r\n");
    Client lazy = server.connect();
    lazy.send_without_reading(64 << 20, repeated(get, 2000));
    const auto begin = Clock::now();
    CHECK(idle.ends(12s));
    CHECK(Clock::now() - begin > 5s);
    CHECK(status_of(slow.receive(1000)) == "408");
    // What it has not taken is lost, and the server has no task for it any more.
    CHECK(lazy.is_reset(5s));
}

TEST_CASE("http_hello: SIGTERM ends it in order, idle connections or not") {
    ExampleServer server(program);
    Client idle = server.connect();
    idle.send(get);
    REQUIRE(idle.receive(10).size() == 10);
    const End end = server.stop();
    CHECK(end.in_time);
    CHECK(end.status == 0);
    CHECK(server.errors().empty());
}

TEST_CASE("http_hello: arguments that are not understood") {
    for (const char* port : {"x", "", "-1", "65536", "8080x"}) {
        CAPTURE(port);
        ServerProcess process({ExampleServer::path_from(program), "--port", port});
        CHECK(process.wait(5s).status == 2);
        CHECK(process.errors().starts_with("usage: "));
    }
}

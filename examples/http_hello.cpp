// SPDX-License-Identifier: BSL-1.0
// An HTTP/1.1 server that greets: a task for each connection, keep-alive, pipelining, and limits on
// how long a head, a wait and an answer may be.
//
//   http_hello                serves some requests of its own and ends
//   http_hello --port 8080    until Ctrl-C; try `curl -i 127.0.0.1:8080` or wrk
#include <coir/coir.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "http_request.hpp"
#include "small_server.hpp"

using namespace std::chrono_literals;

struct Limits {
    std::size_t head = 8192;  ///< bytes
    /// For a request to be there, and for its answer to be taken.
    std::chrono::milliseconds idle = 10s;
};

std::string_view reason_of(int status) {
    switch (status) {
        case 400: return "400 Bad Request";
        case 405: return "405 Method Not Allowed\r\nAllow: GET";
        case 408: return "408 Request Timeout";
        case 413: return "413 Content Too Large";
        case 431: return "431 Request Header Fields Too Large";
        default: return "505 HTTP Version Not Supported";
    }
}

void greet(const http::Request& request, std::string& out) {
    out += "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n";
    if (!request.keep_alive) out += "Connection: close\r\n";
    if (request.keep_alive && request.old) out += "Connection: keep-alive\r\n";
    out += "\r\nHello, world!";
}

void refuse(int status, std::string& out) {
    out += "HTTP/1.1 ";
    out += reason_of(status);
    out += "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
}

// Answers every complete request of the input; false when the connection ends with that.
bool answer(Input& input, const Limits& limits, std::string& out) {
    std::size_t done = 0;
    bool goes_on = true;
    while (goes_on && done < input.bytes().size()) {
        const http::Request request = http::parse_request(input.bytes().substr(done), limits.head);
        if (request.refusal == 0 && request.size == 0) break;
        if (request.refusal == 0) {
            greet(request, out);
        } else {
            refuse(request.refusal, out);
        }
        done += request.size;
        goes_on = request.refusal == 0 && request.keep_alive;
    }
    input.drop(done);
    return goes_on;
}

void serve(coir::Stream& client, const Limits& limits) {
    Input input;
    std::string out;  // the answers to requests that came together go out together
    const auto exchange = [&] {
        bool goes_on = true;
        for (out.clear(); out.empty();) {
            if (!input.fill(client)) return false;
            goes_on = answer(input, limits, out);
        }
        client.write(out);
        return goes_on;
    };
    try {
        while (coir::with_timeout(limits.idle, exchange)) {
        }
    } catch (const coir::TimeoutError&) {
        if (!out.empty()) return client.abort();  // who does not take what is sent
        if (input.bytes().empty()) return;        // who sends nothing
        refuse(408, out);
        client.try_write(out);
    } catch (const coir::IoError&) {
        // The client is gone.
    }
}

// --- The client ---

// What comes back, answer by answer, until the server closes.
void show(int port, const char* what, std::string_view request) {
    coir::Stream stream = coir::open_connection("127.0.0.1", port);
    stream.write(request);
    std::printf("%s:", what);
    try {
        for (;;) {
            const std::string head = stream.read_until("\r\n\r\n");
            const std::size_t length = head.find("Content-Length: ");
            std::printf(" %s", head.substr(9, 3).c_str());
            if (length == head.npos) continue;
            const int size = std::atoi(head.c_str() + length + 16);
            const std::string text = stream.read_exactly(static_cast<std::size_t>(size));
            std::printf(text.empty() ? "%s" : " %s", text.c_str());
        }
    } catch (const coir::IncompleteReadError& error) {
        std::printf(" %s\n", error.partial().empty() ? "closed" : "broken off");
    }
}

void talk_to(int port) {
    const std::string get = "GET / HTTP/1.1\r\nHost: x\r\n";
    const std::string close = "Connection: close\r\n\r\n";
    show(port, "GET", get + close);
    show(port, "pipelined", get + "\r\n" + get + "\r\n" + get + close + get + "\r\n");
    show(port, "HTTP/1.0", "GET / HTTP/1.0\r\n\r\n");
    show(port, "POST", "POST / HTTP/1.1\r\nHost: x\r\n\r\n");
    show(port, "with content", get + "Content-Length: 5\r\n\r\nhello");
    show(port, "without a host", "GET / HTTP/1.1\r\n\r\n");
    show(port, "garbage", "\x16\x03\x01\n\n");
    show(port, "garbage behind a request", get + "\r\nGET /\r\n\r\n");
    show(port, "a long head", get + "X: " + std::string(9000, 'x') + "\r\n\r\n");
    show(port, "half a head", get);
    show(port, "nothing", "");
}

int main(int argc, char** argv) {
    Limits limits;
    if (argc == 1) limits.idle = 200ms;
    return server_main(
        argc, argv, [limits](coir::Stream& client) { serve(client, limits); }, talk_to);
}

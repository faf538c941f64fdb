// SPDX-License-Identifier: BSL-1.0
// What http_hello.cpp and mini_redis.cpp share: the two ways in which they run.
//
//   NAME             starts the server, talks to it as a client of its own, and ends
//   NAME --port N    serves port N on loopback (0: any) until Ctrl-C or SIGTERM
#pragma once

#include <coir/coir.hpp>

#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <string_view>

/// What has come from a client and is not done with yet.
class Input {
public:
    /// Waits for more; false at the end of the stream.
    bool fill(coir::Stream& client) {
        char chunk[16384];
        const std::size_t got = client.read(chunk);
        bytes_.append(chunk, got);
        return got > 0;
    }
    std::string_view bytes() const { return bytes_; }
    void drop(std::size_t size) { bytes_.erase(0, size); }

private:
    std::string bytes_;
};

inline std::optional<int> port_of(int argc, char** argv) {
    if (argc != 3 || std::string_view(argv[1]) != "--port") return {};
    const std::string_view text = argv[2];
    int port = -1;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), port);
    const bool whole = parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
    return whole && port >= 0 && port <= 65535 ? std::optional(port) : std::nullopt;
}

/// `handler` serves a connection; `talk_to(port)` is the client.
template <class Handler, class Client>
int server_main(int argc, char** argv, Handler handler, Client talk_to) {
    const std::optional<int> port = port_of(argc, argv);
    if (argc > 1 && !port) return std::fprintf(stderr, "usage: %s [--port N]\n", argv[0]), 2;
    try {
        coir::run([&] {
            coir::SignalStream signals({SIGINT, SIGTERM});
            coir::Server server = coir::start_server(handler, "127.0.0.1", port.value_or(0));
            if (!port) return talk_to(server.port());
            std::printf("serving 127.0.0.1:%d\n", server.port());
            std::fflush(stdout);
            signals.next();
            server.shutdown(std::chrono::seconds(1));  // for what is under way
        });
    } catch (const std::exception& error) {  // the port is taken, for one
        return std::fprintf(stderr, "%s: %s\n", argv[0], error.what()), 1;
    }
    return 0;
}

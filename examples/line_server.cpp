// SPDX-License-Identifier: BSL-1.0
// A server for a protocol of lines, with a limit on how long a line and on how long a client may be:
// "add 1 2", "quit"; a block of text ends with a line of its own that says END.
//
//   line_server           serves one client of its own and ends
//   line_server 7000      serves port 7000 on loopback until Ctrl-C; try `nc 127.0.0.1 7000`
#include <coir/coir.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

using namespace std::chrono_literals;

std::string answer(coir::Stream& client, const std::string& line) {
    long a = 0;
    long b = 0;
    if (std::sscanf(line.c_str(), "add %ld %ld", &a, &b) == 2) return std::to_string(a + b) + "\n";
    if (line == "text\n") {
        const std::string text = client.read_until("\nEND\n");
        return std::to_string(text.size() - 5) + " bytes of text\n";
    }
    return "? add, text or quit\n";
}

void serve(coir::Stream& client) {
    try {
        for (;;) {
            try {
                const auto line = coir::with_timeout(5s, [&] { return client.readline(); });
                if (!line || *line == "quit\n") return;
                client.write(answer(client, *line));
            } catch (const coir::LimitOverrunError&) {
                client.write("? too long\n");  // the line is gone, the next one can be read
            }
        }
    } catch (const coir::TimeoutError&) {
        client.write("? too slow\n");
    } catch (const coir::IncompleteReadError&) {
        // The client has gone in the middle of a text.
    }
}

void talk_to(int port) {
    coir::Stream stream = coir::open_connection("127.0.0.1", port);
    stream.writev("add 20 22\n", std::string(100, 'x'), "\n", "text\none\ntwo\nEND\n", "quit\n");
    while (const auto line = stream.readline()) std::printf("%s", line->c_str());
}

int main(int argc, char** argv) {
    const int port = argc > 1 ? std::atoi(argv[1]) : 0;
    if (argc > 2 || (argc > 1 && port == 0)) {
        return std::fprintf(stderr, "usage: %s [PORT]\n", argv[0]), 2;
    }
    try {
        coir::run([port] {
            coir::Server server = coir::start_server(serve, "127.0.0.1", port, {.limit = 80});
            if (port == 0) {
                talk_to(server.port());
            } else {
                std::printf("serving 127.0.0.1:%d\n", server.port());
                server.serve_forever();
            }
        });
    } catch (const coir::Interrupted&) {
        std::puts("stopped");
    } catch (const std::exception& error) {  // the port is taken, for one
        return std::fprintf(stderr, "line_server: %s\n", error.what()), 1;
    }
}

// SPDX-License-Identifier: BSL-1.0
// A TCP server that sends back what it gets, and a client that talks to it.
//
//   echo_server           serves one client of its own and ends
//   echo_server 7000      serves port 7000 on loopback until Ctrl-C; try `nc 127.0.0.1 7000`
#include <coir/coir.hpp>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

void echo(coir::Stream& client) {
    char buffer[4096];
    while (std::size_t got = client.read(buffer)) {
        client.write(std::string_view(buffer, got));
    }
}

void talk_to(int port) {
    coir::Stream stream = coir::open_connection("127.0.0.1", port);
    stream.write("hello\n");
    if (const auto line = stream.readline()) {  // nothing: the server has closed
        std::printf("the server said %s", line->c_str());
    }
    stream.close();
}

int main(int argc, char** argv) {
    const int port = argc > 1 ? std::atoi(argv[1]) : 0;
    if (argc > 2 || (argc > 1 && port == 0)) {
        return std::fprintf(stderr, "usage: %s [PORT]\n", argv[0]), 2;
    }
    try {
        coir::run([port] {
            coir::Server server = coir::start_server(echo, "127.0.0.1", port);
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
        return std::fprintf(stderr, "echo_server: %s\n", error.what()), 1;
    }
}

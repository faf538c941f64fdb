// SPDX-License-Identifier: BSL-1.0
// An echo server on all cores: one loop per core, each with a listening socket of its own at the
// same port, so that the kernel spreads the connections.
//
//   loop_group            serves a few clients of its own and ends
//   loop_group 7000       serves port 7000 on loopback until Ctrl-C
#include <coir/coir.hpp>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string_view>

void echo(coir::Stream& client) {
    char buffer[4096];
    while (std::size_t got = client.read(buffer)) {
        client.write(std::string_view(buffer, got));
    }
}

bool talk_to(int port) {
    coir::Stream stream = coir::open_connection("127.0.0.1", port);
    stream.write("hello\n");
    return stream.readline() == "hello\n";
}

int main(int argc, char** argv) {
    const int port = argc > 1 ? std::atoi(argv[1]) : 0;
    try {
        coir::run([port] {
            coir::LoopGroup group;
            coir::GroupServer server = group.start_server(echo, "127.0.0.1", port);
            if (port != 0) {
                std::printf("serving 127.0.0.1:%d on %zu loops\n", server.port(), group.size());
                server.serve_forever();
            }
            // Clients are tasks of the group, too; their results come back to this loop.
            int answered = 0;
            for (int i = 0; i < 10; ++i) {
                auto client = group.create_task([to = server.port()] { return talk_to(to); });
                if (coir::await(client)) ++answered;
            }
            std::printf("%d of 10 clients were answered\n", answered);
        });
    } catch (const coir::Interrupted&) {
        std::puts("stopped");
    } catch (const std::exception& error) {  // the port is taken, for one
        return std::fprintf(stderr, "loop_group: %s\n", error.what()), 1;
    }
}

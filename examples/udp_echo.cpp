// SPDX-License-Identifier: BSL-1.0
// A UDP server that sends back what it gets, many datagrams per system call, and a client.
//
//   udp_echo           serves one client of its own and ends
//   udp_echo 7000      serves port 7000 on loopback until Ctrl-C; try `nc -u 127.0.0.1 7000`
#include <coir/coir.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

using namespace std::chrono_literals;

void echo(coir::UdpSocket& socket) {
    std::vector<char> memory(32 * 2048);
    std::vector<coir::IncomingDatagram> in(32);
    for (std::size_t i = 0; i < in.size(); ++i) in[i].buffer = {&memory[i * 2048], 2048};
    std::vector<coir::OutgoingDatagram> out;
    for (;;) {
        const std::size_t count = socket.recv_many(in);
        out.clear();
        for (std::size_t i = 0; i < count; ++i) out.push_back({in[i].bytes(), in[i].from});
        socket.send_many(out);
    }
}

// Datagrams may get lost: so each question has a deadline, and is asked again.
std::string ask(coir::UdpSocket& socket, const std::string& question) {
    char answer[2048];
    for (int attempt = 0; attempt < 3; ++attempt) {
        socket.send(question);
        const auto got = coir::move_on_after(1s, [&] { return socket.recv_from(answer); });
        if (got) return std::string(answer, got->size);
    }
    return "no answer";
}

int main(int argc, char** argv) {
    const int port = argc > 1 ? std::atoi(argv[1]) : 0;
    if (argc > 2 || (argc > 1 && port == 0)) {
        return std::fprintf(stderr, "usage: %s [PORT]\n", argv[0]), 2;
    }
    try {
        coir::run([port] {
            coir::UdpSocket server = coir::UdpSocket::open("127.0.0.1", port);
            if (port != 0) {
                std::printf("serving 127.0.0.1:%d\n", server.port());
                echo(server);
            }
            coir::Task<void> serving = coir::create_task([&server] { echo(server); });
            coir::UdpSocket client = coir::UdpSocket::open();
            client.connect("127.0.0.1", server.port());
            for (const char* word : {"one", "two", "three"}) {
                std::printf("%s -> %s\n", word, ask(client, word).c_str());
            }
            serving.cancel();
        });
    } catch (const coir::Interrupted&) {
        std::puts("stopped");
    } catch (const std::exception& error) {  // the port is taken, for one
        return std::fprintf(stderr, "udp_echo: %s\n", error.what()), 1;
    }
}

// SPDX-License-Identifier: BSL-1.0
// A server and its client; in Python: 10_echo.py.
#include <coir/coir.hpp>

#include <cstdio>

void echo(coir::Stream& client) {
    while (auto line = client.readline()) client.write(*line);
}

int main() {
    coir::run([] {
        auto server = coir::start_server(echo, "127.0.0.1", 0);
        auto stream = coir::open_connection("127.0.0.1", server.port());
        stream.write("hello\n");
        std::printf("%s", stream.readline().value_or("").c_str());
        stream.close();
    });
}

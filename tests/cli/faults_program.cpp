// SPDX-License-Identifier: BSL-1.0
// A program as people write it, for faults_test.sh: it leaves the choice of the reactor to coir, and
// talks to itself on two loops, one after the other. Prints the name of each loop's reactor.
#include <coir/coir.hpp>

#include <cstdio>
#include <exception>
#include <string>

namespace {

void talk() {
    auto echo = [](coir::Stream& client) {
        while (auto line = client.readline()) client.write(*line);
    };
    coir::Server server = coir::start_server(echo, "127.0.0.1", 0);
    coir::Stream stream = coir::open_connection("127.0.0.1", server.port());
    stream.write("line\n");
    const bool same = stream.readline() == "line\n";
    const std::string name(coir::get_running_loop().reactor_name());
    std::printf("%s%s\n", name.c_str(), same ? "" : ": wrong answer");
}

}  // namespace

int main() {
    try {
        coir::run(talk);
        coir::run(talk);
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}

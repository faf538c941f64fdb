// SPDX-License-Identifier: BSL-1.0
// Registers the reactor of select_reactor.hpp and runs a server on it.
#include "select_reactor.hpp"

#include <coir/coir.hpp>

#include <cstdio>
#include <memory>
#include <string>

int main() {
    coir::register_reactor({"select", -1, [] { return coir::Verdict{true, "select(2)", ""}; },
                            [](const coir::ReactorOptions&) {
                                return std::unique_ptr<coir::Reactor>(new SelectReactor);
                            }});
    coir::RunOptions options;
    options.reactor = "select";
    coir::run(
        [] {
            auto echo = [](coir::Stream& client) {
                while (auto line = client.readline()) client.write(*line);
            };
            coir::Server server = coir::start_server(echo, "127.0.0.1", 0);
            coir::Stream stream = coir::open_connection("127.0.0.1", server.port());
            stream.write("over select\n");
            std::printf("reactor %s: %s", std::string(coir::get_running_loop().reactor_name()).c_str(),
                        stream.readline()->c_str());
        },
        options);
}

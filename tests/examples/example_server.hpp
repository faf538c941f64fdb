// SPDX-License-Identifier: BSL-1.0
// An example that is a server, with --port 0, and what a client of it gets.
#pragma once

#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "support/server_process.hpp"

namespace server_test {

class ExampleServer {
public:
    /// `variable`: of the environment, with the program's path.
    explicit ExampleServer(const char* variable)
        : process_({path_from(variable), "--port", "0"}), port_(process_.port()) {}
    int port() const { return port_; }
    Client connect() const { return Client(port_); }

    /// All that comes for `request` until the server closes.
    std::string answer(const std::string& request, bool end_output = false) const {
        Client client(port_);
        client.send(request);
        if (end_output) client.end_output();
        return client.receive(1 << 24);
    }
    /// The same, a byte at a time.
    std::string answer_to_bytes(const std::string& request) const {
        Client client(port_);
        for (const char byte : request) client.send(std::string(1, byte));
        return client.receive(1 << 24);
    }
    /// SIGTERM; how it ended, in five seconds.
    End stop() {
        process_.kill(SIGTERM);
        return process_.wait(std::chrono::seconds(5));
    }
    std::size_t memory() const { return process_.memory(); }
    std::string errors() { return process_.errors(); }

    static std::string path_from(const char* variable) {
        const char* path = std::getenv(variable);
        if (!path) throw std::runtime_error(std::string(variable) + " is not set");
        return path;
    }

private:
    ServerProcess process_;
    int port_;
};

inline std::size_t count(const std::string& text, const std::string& what) {
    std::size_t found = 0;
    for (std::size_t at = 0; (at = text.find(what, at)) != text.npos; at += what.size()) ++found;
    return found;
}

inline std::string repeated(const std::string& text, int times) {
    std::string all;
    for (int i = 0; i < times; ++i) all += text;
    return all;
}

}  // namespace server_test

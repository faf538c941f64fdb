// SPDX-License-Identifier: BSL-1.0
// What every peer promises (bench/peers/peer.h).
//
//   peer-test FOLDER NAME     FOLDER has peers.list; status 77 when the peer is not there
//   peer-test                 prints the folder that a command in this program's place would find
#include <csignal>
#include <cstdio>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "peers.hpp"
#include "support/server_process.hpp"

using namespace server_test;
using namespace std::chrono_literals;

namespace {

using Command = std::vector<std::string>;

struct Failed : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Not to be had on this machine.
struct Skipped : std::runtime_error {
    using std::runtime_error::runtime_error;
};

void expect(bool holds, const std::string& what) {
    if (!holds) throw Failed(what);
}

/// Bytes of all values, different for each seed.
std::string bytes(std::size_t size, unsigned seed) {
    std::string text(size, '\0');
    unsigned state = seed * 2654435761U + 1;
    for (char& byte : text) {
        state = state * 1664525U + 1013904223U;
        byte = static_cast<char>(state >> 24);
    }
    return text;
}

void small_messages_on_three_connections(const Command& command) {
    ServerProcess server(command);
    const int port = server.port();
    Client clients[] = {Client(port), Client(port), Client(port)};
    for (unsigned i = 0; i < 1000; ++i) {
        const std::string message = bytes(64, i);
        expect(clients[i % 3].exchange(message) == message,
               "message " + std::to_string(i) + " did not come back as it was");
    }
}

void one_large_message(const Command& command) {
    ServerProcess server(command);
    Client client(server.port());
    const std::string message = bytes(1 << 20, 1);
    expect(client.exchange(message) == message, "it did not come back as it was");
    expect(client.exchange("after it") == "after it", "nothing came back after it");
}

void half_close(const Command& command) {
    ServerProcess server(command);
    const int port = server.port();
    Client idle(port);
    idle.end_output();
    expect(idle.ends(), "the end of an idle connection was not answered");
    // What is under way when the end comes arrives before the answer.
    const std::string message = bytes(100'000, 2);
    Client busy(port);
    busy.send(message);
    busy.end_output();
    expect(busy.receive(message.size()) == message, "bytes before the end were lost");
    expect(busy.ends(), "the end was not answered");
}

// The end may be seen together with the bytes or after them.
void bytes_and_end_at_once(const Command& command) {
    ServerProcess server(command);
    const int port = server.port();
    for (unsigned i = 0; i < 200; ++i) {
        Client client(port);
        const std::string message = bytes(64, i);
        client.send(message);
        client.end_output();
        expect(client.receive(64) == message, "bytes before the end were lost");
        expect(client.ends(), "the end was not answered");
    }
}

// The kernel's buffers are full then, and the server must not go on reading.
void a_client_that_does_not_read(const Command& command) {
    constexpr std::size_t most = 96 << 20;
    ServerProcess server(command);
    const int port = server.port();
    Client lazy(port);
    const std::size_t sent = lazy.send_without_reading(most);
    expect(sent < most, "the server piles up what is not read");
    Client other(port);
    expect(other.exchange("meanwhile") == "meanwhile", "another connection has to wait");
    expect(lazy.receive(sent) == std::string(sent, 'f'), "bytes were lost");
    expect(lazy.exchange("then") == "then", "the connection did not go on");
}

void a_client_that_resets(const Command& command) {
    ServerProcess server(command);
    const int port = server.port();
    for (int i = 0; i < 20; ++i) {
        Client client(port);
        client.send("unread");
        client.reset();
        Client lazy(port);
        lazy.send_without_reading(1 << 20);
        lazy.reset();
    }
    expect(Client(port).exchange("alive") == "alive", "the server does not serve any more");
}

// The queue holds more than 511 connections that nobody accepts, libuv's and Node's default.
void a_long_backlog(const Command& command) {
    int most = 0;
    std::ifstream("/proc/sys/net/core/somaxconn") >> most;
    constexpr int count = 600;
    if (most <= count) throw Skipped("net.core.somaxconn is " + std::to_string(most));
    ServerProcess server(command);
    const int port = server.port();
    expect(Client(port).exchange("ready") == "ready", "it does not serve");
    server.kill(SIGSTOP);
    std::vector<Client> clients;
    for (int i = 0; i < count; ++i) clients.emplace_back(port);
    server.kill(SIGCONT);
    for (Client& client : clients) {
        expect(client.exchange("all") == "all", "a connection was not served");
    }
}

void only_at_loopback(const Command& command) {
    ServerProcess server(command);
    const int port = server.port();
    try {
        Client(port, "127.0.0.2");
    } catch (const std::system_error&) {
        return;
    }
    throw Failed("it listens at more than 127.0.0.1");
}

void ends_with_its_input(const Command& command) {
    ServerProcess server(command);
    Client client(server.port());
    expect(client.exchange("hello") == "hello", "it does not serve");
    server.end_input();
    const End end = server.wait(2s);
    expect(end.in_time, "it goes on for more than two seconds");
    expect(end.status == 0, "its status is " + std::to_string(end.status) + " and not 0");
    expect(server.rest_of_output().empty(), "something else is on standard output");
    const std::string errors = server.errors();
    expect(errors.empty(), "something is on standard error: " + errors);
}

void ends_on_sigterm(const Command& command) {
    ServerProcess server(command);
    Client client(server.port());
    expect(client.exchange("hello") == "hello", "it does not serve");
    server.kill(SIGTERM);
    const End end = server.wait(2s);
    expect(end.in_time, "it goes on for more than two seconds");
    expect(end.signo == SIGTERM || end.status == 0, "it ended otherwise");
    expect(server.rest_of_output().empty(), "something else is on standard output");
}

void refuses_other_arguments(const Command& command) {
    Command wrong = command;
    wrong.push_back("--bogus");
    ServerProcess server(wrong);
    const End end = server.wait(10s);
    expect(end.in_time && end.status == 2, "the status is not 2");
    expect(server.rest_of_output().empty(), "something is on standard output");
    const std::string errors = server.errors();
    expect(errors.find("--bogus") != std::string::npos && errors.find('\n') == errors.size() - 1,
           "not one line that names the argument: " + errors);
}

struct Case {
    const char* name;
    void (*run)(const Command&);
};

constexpr Case cases[] = {
    {"1,000 messages of 64 bytes on three connections", small_messages_on_three_connections},
    {"a message of 1 MiB", one_large_message},
    {"half close", half_close},
    {"bytes and the end at once", bytes_and_end_at_once},
    {"a client that does not read", a_client_that_does_not_read},
    {"clients that reset", a_client_that_resets},
    {"a long backlog", a_long_backlog},
    {"only at loopback", only_at_loopback},
    {"ends with its input", ends_with_its_input},
    {"ends on SIGTERM", ends_on_sigterm},
    {"refuses other arguments", refuses_other_arguments},
};

int run_cases(const Command& command) {
    int passed = 0;
    int failed = 0;
    int skipped = 0;
    for (const Case& one : cases) {
        std::printf("run: %s\n", one.name);
        std::fflush(stdout);
        try {
            one.run(command);
            ++passed;
        } catch (const Skipped& reason) {
            ++skipped;
            std::printf("skipped: %s: %s\n", one.name, reason.what());
        } catch (const std::exception& error) {
            ++failed;
            std::printf("failed: %s: %s\n", one.name, error.what());
        }
    }
    std::printf("coir-tests: %d passed, %d failed, %d skipped\n", passed, failed, skipped);
    return failed == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 1) return std::puts(coir_tool::find_peers_folder().c_str()) < 0 ? 1 : 0;
    if (argc != 3) return std::fprintf(stderr, "usage: %s FOLDER NAME\n", argv[0]), 2;
    const std::string name = argv[2];
    const auto found = coir_tool::find_peers(argv[1]);
    for (const coir_tool::Peer& peer : found) {
        if (peer.name == name) return run_cases(peer.command);
    }
    for (const coir_tool::MissingPeer& missing : coir_tool::missing_peers(found)) {
        if (missing.name != name) continue;
        std::printf("skipped: %s is not there; Debian's package: %s\n", name.c_str(),
                    missing.package.c_str());
        return 77;
    }
    return std::fprintf(stderr, "unknown peer %s\n", name.c_str()), 2;
}

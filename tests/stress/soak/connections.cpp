// SPDX-License-Identifier: BSL-1.0
// Many connections at once, each of them ended and made anew again and again. Server and clients are two
// processes, because each end of a connection takes a descriptor of the few that a process may have.
#include "soak.hpp"
#include "usage.hpp"

#include <coir/await.hpp>
#include <coir/barrier.hpp>
#include <coir/net.hpp>
#include <coir/run.hpp>
#include <coir/semaphore.hpp>
#include <coir/task_group.hpp>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <functional>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace coir_soak {
namespace {

constexpr std::size_t other_descriptors = 64;    // of a process, beside its connections
constexpr std::ptrdiff_t most_connecting = 1024; // so that the server's backlog has room for all
constexpr std::size_t message_size = 64;

// A child that calls `body` with the writing end of a pipe, and never returns. It is killed at the end, and
// when this process ends.
class Child {
public:
    explicit Child(const std::function<void(int report)>& body) {
        int ends[2];
        require(::pipe2(ends, O_CLOEXEC) == 0, "there is no pipe");
        pid_ = ::fork();
        require(pid_ >= 0, "there is no process");
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            ::signal(SIGINT, SIG_IGN);  // the parent's to handle
            try {
                body(ends[1]);
            } catch (const std::exception& error) {
                std::fprintf(stderr, "soak: the server: %s\n", error.what());
            }
            ::_exit(1);
        }
        ::close(ends[1]);
        report_ = coir::Fd(ends[0]);
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    int read_number() const {
        int number = 0;
        require(::read(report_.get(), &number, sizeof number) == sizeof number, "the server did not start");
        return number;
    }
    pid_t pid() const { return pid_; }

private:
    pid_t pid_ = -1;
    coir::Fd report_;
};

void echo(coir::Stream& stream) {
    char buffer[message_size];
    try {
        while (const std::size_t got = stream.read(buffer)) stream.write(std::string_view(buffer, got));
    } catch (const coir::IoError&) {
        // Clients end their connections by resetting them, so that no port stays in use.
    }
}

void serve(int report, const std::string& reactor) {
    coir::RunOptions options;
    options.reactor = reactor;
    coir::run(
        [report] {
            coir::ServerOptions server_options;
            server_options.backlog = 4096;
            const coir::Server server = coir::start_server([](coir::Stream& s) { echo(s); }, "0.0.0.0", 0,
                                                           server_options);
            const int port = server.port();
            require(::write(report, &port, sizeof port) == sizeof port, "nobody listens");
            coir::sleep(std::chrono::hours(1000));
        },
        options);
}

class Clients {
public:
    Clients(const Plan& plan, std::size_t live, int port, Progress& progress)
        : count_(plan.count), live_(live), port_(port), progress_(progress), all_(static_cast<std::ptrdiff_t>(live)) {}

    // The main task. `when_all_live` is called once, when all are connected.
    void run(const std::function<void()>& when_all_live) {
        coir::with_task_group([&](coir::TaskGroup& group) {
            for (std::size_t i = 0; i < live_; ++i) {
                group.create_task([&, i] { churn(i, when_all_live); });
            }
        });
    }
    std::uint64_t made() const { return made_; }

private:
    void churn(std::size_t nth, const std::function<void()>& when_all_live) {
        coir::Stream stream = connect(nth);
        if (all_.wait() == 0) {
            when_all_live();
            progress_.begin("connections: churning");
        }
        all_.wait();
        talk(stream, nth);
        while (made_ < count_) {
            stream.abort();
            stream = connect(nth);
            talk(stream, nth);
            progress_.show(static_cast<double>(made_) / static_cast<double>(count_));
        }
        // Those that are through stay, so that all are live until the last one has been made.
        all_.wait();
        talk(stream, nth);
        stream.abort();
    }
    // From several addresses of this machine, each of which has ports of its own.
    coir::Stream connect(std::size_t nth) {
        connecting_.acquire();
        ++made_;
        coir::Stream stream =
            coir::open_connection("127.0.0." + std::to_string(1 + nth % 8), port_);
        connecting_.release();
        return stream;
    }
    void talk(coir::Stream& stream, std::size_t nth) {
        const std::string number = std::to_string(++messages_) + "/" + std::to_string(nth);
        std::string message(message_size, '.');
        number.copy(message.data(), message.size());
        stream.write(message);
        require(stream.read_exactly(message_size) == message, "connection " + number + " got another's answer");
    }

    const std::uint64_t count_;
    const std::size_t live_;
    const int port_;
    Progress& progress_;
    coir::Barrier all_;
    coir::Semaphore connecting_{most_connecting};
    std::uint64_t made_ = 0;
    std::uint64_t messages_ = 0;
};

// The server learns of beginnings and ends a little later.
void wait_for_descriptors(pid_t server, std::size_t expected, const std::string& when) {
    for (int i = 0; i < 200 && read_usage(server).descriptors != expected; ++i) {
        coir::sleep(std::chrono::milliseconds(100));
    }
    const std::size_t held = read_usage(server).descriptors;
    require(held == expected, when + " the server has " + whole(held) + " descriptors, not " + whole(expected));
}

}  // namespace

std::string soak_connections(const Plan& plan) {
    const std::size_t limit = raise_descriptor_limit();
    require(limit > 2 * other_descriptors, "only " + whole(limit) + " descriptors are allowed here");
    const std::size_t live = std::min(plan.live, limit - other_descriptors);
    Progress progress("connections: connecting");
    const Child server([&](int report) { serve(report, plan.reactor); });
    const int port = server.read_number();
    std::string figures = live < plan.live ? "(of " + whole(plan.live) + " live only " + whole(live) +
                                                 ": the limit of descriptors is " + whole(limit) + ") "
                                           : "";
    const Usage before = read_usage();
    const Clock::time_point begin = Clock::now();
    coir::RunOptions options;
    options.reactor = plan.reactor;
    coir::run(
        [&] {
            // Whatever the two need for good, they have now.
            coir::open_connection("127.0.0.1", port).abort();
            coir::sleep(std::chrono::milliseconds(100));
            const std::size_t at_rest = read_usage(server.pid()).descriptors;
            Clients clients(plan, live, port, progress);
            clients.run([&] {
                wait_for_descriptors(server.pid(), at_rest + live, "with " + whole(live) + " connections");
            });
            figures += whole(clients.made()) + " connections, " + whole(live) + " live at once, in two processes";
            wait_for_descriptors(server.pid(), at_rest, "when all have ended");
        },
        options);
    const Usage after = read_usage();
    require(after.descriptors == before.descriptors, "the clients have " + whole(after.descriptors) +
                                                         " descriptors at the end, and had " +
                                                         whole(before.descriptors));
    return figures + ", in " + fixed(seconds_since(begin), 1) + " s; no descriptor is left over on either side";
}

}  // namespace coir_soak

// SPDX-License-Identifier: BSL-1.0
#include "mixed_loads.hpp"

#include "soak.hpp"

#include <coir/await.hpp>
#include <coir/file.hpp>
#include <coir/net.hpp>
#include <coir/process.hpp>
#include <coir/queue.hpp>
#include <coir/task_group.hpp>
#include <coir/thread.hpp>
#include <coir/timeout.hpp>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>

#include <sys/socket.h>
#include <unistd.h>

using namespace std::chrono_literals;

namespace coir_soak {
namespace {

std::mt19937_64& random_numbers() {
    static std::mt19937_64 random(1);
    return random;
}
std::size_t below(std::size_t limit) { return random_numbers()() % limit; }

std::string random_text(std::size_t most) {
    std::string text(1 + below(most), '\0');
    const auto first = static_cast<char>(below(256));
    for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(static_cast<std::size_t>(first) + i);
    return text;
}

// TCP connections with a few messages each, which end in every way.
class Echo : public Load {
public:
    const char* name() const override { return "connections"; }
    int workers() const override { return 16; }
    void step() override {
        coir::Stream stream = coir::open_connection("127.0.0.1", server_.port());
        for (std::size_t left = 1 + below(20); left > 0; --left) {
            const std::string message = random_text(30'000);
            stream.write(message);
            require(stream.read_exactly(message.size()) == message, "an echo that is not what was sent");
        }
        switch (below(3)) {
            case 0: stream.close(); break;
            case 1: stream.abort(); break;
            default: break;  // by its destructor
        }
    }

private:
    static void serve(coir::Stream& stream) {
        char buffer[4096];
        try {
            while (const std::size_t got = stream.read(buffer)) stream.write(std::string_view(buffer, got));
        } catch (const coir::IoError&) {  // reset by the client
        }
    }
    coir::Server server_ = coir::start_server(serve, "127.0.0.1", 0);
};

class Timers : public Load {
public:
    const char* name() const override { return "rounds of timers"; }
    int workers() const override { return 4; }
    void step() override {
        coir::EventLoop& loop = coir::get_running_loop();
        int fired = 0;
        int early = 0;
        std::vector<coir::TimerHandle> handles;
        for (int i = 0; i < 200; ++i) {
            const coir::TimePoint due = loop.time() + std::chrono::microseconds(below(20'000));
            handles.push_back(loop.call_at(due, [&, due] {
                ++fired;
                if (loop.time() < due) ++early;
            }));
        }
        for (std::size_t i = 0; i < handles.size(); i += 2) handles[i].cancel();
        // They name variables of this function, which may be cancelled.
        coir::no_cancel([] { coir::sleep(25ms); });
        require(fired == 100, std::to_string(fired) + " timers of 100 have fired");
        require(early == 0, std::to_string(early) + " timers were early");
    }
};

// Receives that are given up by a deadline or cancelled from outside, or have something just in time.
class Cancels : public Load {
public:
    const char* name() const override { return "given up"; }
    int workers() const override { return 8; }
    void step() override {
        int ends[2];
        require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0, "no socket pair");
        coir::Socket one{coir::Fd(ends[0])};
        const coir::Fd other(ends[1]);
        std::size_t got = 0;
        char byte = 0;
        auto receiver = coir::create_task([&] {
            coir::move_on_after(std::chrono::microseconds(below(2000)), [&] { got += one.recv(std::span(&byte, 1)); });
        });
        coir::sleep(std::chrono::microseconds(below(2000)));
        const bool given = below(2) == 0;
        if (given) require(::write(other.get(), "x", 1) == 1, "a socket pair that takes nothing");
        if (below(2) == 0) receiver.cancel();
        try {
            coir::await(receiver);
        } catch (const coir::TaskCancelledError&) {
        }
        const ssize_t left = ::recv(ends[0], &byte, 1, MSG_DONTWAIT);
        require(got + (left == 1 ? 1 : 0) == (given ? 1 : 0), "a byte that is lost, or came twice");
    }
};

// A file that has no name any more.
class Files : public Load {
public:
    const char* name() const override { return "file accesses"; }
    int workers() const override { return 4; }
    void step() override {
        const std::uint64_t offset = slot_++ % 64 * 65'536;
        const std::string text = random_text(60'000);
        file_.write_at(text, offset);
        std::string back(text.size(), '\0');
        require(file_.read_at(back, offset) == back.size() && back == text, "a file with something else");
        if (below(16) == 0) file_.fdatasync();
        // One that is opened and closed.
        require(coir::read_file("/proc/self/status").find("VmRSS") != std::string::npos, "a status without VmRSS");
    }

private:
    static coir::File make() {
        const char* folder = std::getenv("TMPDIR");
        std::string path = std::string(folder ? folder : "/var/tmp") + "/coir-soak-XXXXXX";
        const int fd = ::mkostemp(path.data(), O_CLOEXEC);
        require(fd >= 0, "no file can be made at " + path);
        ::unlink(path.c_str());
        return coir::File(coir::Fd(fd));
    }
    coir::File file_ = make();
    std::uint64_t slot_ = 0;
};

class Processes : public Load {
public:
    const char* name() const override { return "programs"; }
    int workers() const override { return 2; }
    void step() override {
        coir::ProcessOptions options;
        options.stdin_ = options.stdout_ = coir::Stdio::pipe();
        options.kill_on_parent_death = true;
        coir::Process program = coir::create_subprocess_exec({"cat"}, options);
        if (below(3) == 0) {
            program.kill();
            require(program.wait().signal() == SIGKILL, "a program that was killed ended otherwise");
        } else {
            const std::string text = random_text(200'000);
            const coir::ProcessOutput output = program.communicate(text);
            require(output.status.ok() && output.stdout_ == text, "cat has said something else");
        }
        coir::sleep(5ms);  // or there would be little else
    }
};

// Items through a queue to consumers of which some are cancelled.
class Queues : public Load {
public:
    const char* name() const override { return "rounds of queues"; }
    int workers() const override { return 4; }
    void step() override {
        coir::Queue<std::uint64_t> queue(4);
        std::uint64_t sum = 0;
        constexpr std::uint64_t items = 200;
        const auto consume = [&] {
            for (;;) sum += queue.get();
        };
        coir::with_task_group([&](coir::TaskGroup& group) {
            auto mortal = group.create_task(consume);
            auto last = group.create_task(consume);
            for (std::uint64_t i = 1; i <= items; ++i) {
                queue.put(i);
                if (below(50) != 0) continue;
                mortal.cancel();
                mortal = group.create_task(consume);
            }
            while (!queue.empty()) coir::yield_now();
            mortal.cancel();
            last.cancel();
        });
        require(sum == items * (items + 1) / 2, "items that are lost, or came twice");
    }
};

// Work in other threads, which call back.
class Threads : public Load {
public:
    const char* name() const override { return "calls of threads"; }
    int workers() const override { return 4; }
    void step() override {
        coir::EventLoop& loop = coir::get_running_loop();
        const std::uint64_t number = below(1'000'000);
        coir::Future<std::uint64_t> called = coir::create_future<std::uint64_t>();
        const std::uint64_t returned = coir::to_thread([&] {
            for (int i = 0; i < 10; ++i) loop.call_soon_threadsafe([] {});
            loop.call_soon_threadsafe([called, number] { called.set_result(number); });
            return number + 1;
        });
        require(coir::await(called) == number && returned == number + 1, "a thread gave something else");
        coir::sleep(100us);
    }
};

}  // namespace

std::vector<std::unique_ptr<Load>> make_loads() {
    std::vector<std::unique_ptr<Load>> loads;
    loads.push_back(std::make_unique<Echo>());
    loads.push_back(std::make_unique<Timers>());
    loads.push_back(std::make_unique<Cancels>());
    loads.push_back(std::make_unique<Files>());
    loads.push_back(std::make_unique<Processes>());
    loads.push_back(std::make_unique<Queues>());
    loads.push_back(std::make_unique<Threads>());
    return loads;
}

}  // namespace coir_soak

// SPDX-License-Identifier: BSL-1.0
// See probe.hpp: actors, and what they say.
#include "stage.hpp"

#include <coir/coir.hpp>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <optional>
#include <thread>

#include <sys/syscall.h>
#include <unistd.h>

namespace differential {
namespace {

Stage stage = Stage::threads;
int transcript = -1;

void sleep_as_task(Clock::duration duration) {
    coir::sleep(std::chrono::duration_cast<coir::Nanoseconds>(duration));
}

}  // namespace

std::vector<Probe>& all_probes() {
    static std::vector<Probe> probes;
    return probes;
}

bool actors_are_tasks() { return stage == Stage::tasks; }

class Actor::Body {
public:
    explicit Body(std::function<void()> run) {
        if (actors_are_tasks()) {
            task_.emplace(coir::create_task(std::move(run)));
        } else {
            thread_ = std::thread(std::move(run));
        }
    }
    void join() {
        if (task_) coir::await(*std::exchange(task_, std::nullopt));
        if (thread_.joinable()) thread_.join();
    }

private:
    std::optional<coir::Task<void>> task_;
    std::thread thread_;
};

Actor::Actor(std::unique_ptr<Body> body) noexcept : body_(std::move(body)) {}
Actor::Actor(Actor&&) noexcept = default;
Actor::~Actor() { join(); }

void Actor::join() {
    if (body_) body_->join();
}

Actor spawn(std::function<void()> run) {
    auto begun = std::make_shared<std::atomic<bool>>(false);
    Actor actor(std::make_unique<Actor::Body>([begun, run = std::move(run)] {
        *begun = true;
        run();
    }));
    while (!*begun) pause_for(actors_are_tasks() ? 0ms : 1ms);
    return actor;
}

void pause_for(Clock::duration duration) {
    if (actors_are_tasks()) {
        sleep_as_task(duration);
    } else {
        // Not interrupted by signals: libstdc++ goes on.
        std::this_thread::sleep_for(duration);
    }
}

// One system call per line: lines of different actors do not mix, and what was said before a hang is
// known.
void say(const char* format, ...) {
    const int saved = errno;
    char line[512];
    std::va_list arguments;
    va_start(arguments, format);
    int size = std::vsnprintf(line, sizeof line - 1, format, arguments);
    va_end(arguments);
    size = std::min(size, static_cast<int>(sizeof line) - 2);
    line[size] = '\n';
    static_cast<void>(::syscall(SYS_write, transcript, line, static_cast<std::size_t>(size) + 1));
    errno = saved;
}

std::string error_name(int error) {
    const char* name = error == 0 ? "0" : ::strerrorname_np(error);
    return name ? name : "error " + std::to_string(error);
}

void report(const char* what, long result) {
    const int error = errno;
    if (result == -1) {
        say("%s = -1 %s", what, error_name(error).c_str());
    } else {
        say("%s = %ld", what, result);
    }
}

void report_error(const char* what, int error) { say("%s = %s", what, error_name(error).c_str()); }

void Stopwatch::expect(const char* what, Clock::duration bound) {
    const auto took = passed();
    // Clocks are read at different moments and in different units.
    const bool early = took + 2ms < bound;
    say("%s: %s", what, early ? "too early" : took > bound + 1s * patience() ? "too late" : "in time");
}

void Stopwatch::expect_less(const char* what, Clock::duration bound) {
    say("%s: %s", what, passed() < bound * patience() ? "in time" : "too late");
}

struct Others::State {
    std::atomic<bool> stop{false};
    std::atomic<int> turns{0};
};

Others::Others()
    : state_(std::make_shared<State>()),
      actor_(std::make_unique<Actor>(spawn([state = state_] {
          while (!state->stop) {
              ++state->turns;
              pause_for(1ms);
          }
      }))) {}

Others::~Others() { state_->stop = true; }

// Threads run when the kernel finds time for them; tasks have had their turns by now, or somebody has
// blocked the thread.
void Others::say_whether_they_ran() {
    const Stopwatch watch;
    while (!actors_are_tasks() && state_->turns < 2 && watch.passed() < 1s) pause_for(1ms);
    say("others ran: %s", state_->turns >= 2 ? "yes" : "no");
}

void perform(const Probe& probe, Stage on, const std::string& reactor, int output) {
    stage = on;
    transcript = output;
    try {
        if (on == Stage::threads) {
            probe.body();
        } else {
            coir::RunOptions options;
            options.reactor = reactor;
            coir::run(probe.body, options);
        }
    } catch (const std::exception& error) {
        say("exception: %s", error.what());
    }
}

}  // namespace differential

// SPDX-License-Identifier: BSL-1.0
// See stage.hpp: trials in child processes.
#include "stage.hpp"

#include <coir/detail/config.hpp>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace differential {
namespace {

constexpr int output_number = 900;  // out of the way of probes that count on low numbers

struct Child {
    Trial* trial;
    pid_t pid;
    int output;
    Clock::time_point deadline;
};

// Whoever started us may ignore or block some signals.
void reset_signals() {
    for (int number = 1; number < SIGRTMIN; ++number) std::signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void be_child(const Trial& trial, const std::string& reactor, int output) {
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    reset_signals();
    const int input = ::open("/dev/null", O_RDONLY);
    ::dup2(input, 0);
    ::close(input);
    ::dup3(output, output_number, O_CLOEXEC);
    perform(*trial.probe, trial.on, reactor, output_number);
    ::_exit(0);
}

Child start(Trial& trial, const std::string& reactor, Clock::duration bound) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::system_error(errno, std::system_category(), "pipe");
    const pid_t pid = ::fork();
    if (pid < 0) throw std::system_error(errno, std::system_category(), "fork");
    if (pid == 0) be_child(trial, reactor, ends[1]);
    ::setpgid(pid, pid);
    ::close(ends[1]);
    return {&trial, pid, ends[0], Clock::now() + bound};
}

void finish(Child& child, bool hung) {
    ::kill(-child.pid, SIGKILL);  // it, if it hangs, and what it has left behind
    int status = 0;
    while (::waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {}
    ::close(child.output);
    std::string& text = child.trial->text;
    if (hung) {
        text += "HANGS\n";
    } else if (WIFSIGNALED(status)) {
        text += std::string("KILLED BY SIG") + ::sigabbrev_np(WTERMSIG(status)) + "\n";
    } else if (WEXITSTATUS(status) != 0) {
        text += "EXITS WITH " + std::to_string(WEXITSTATUS(status)) + "\n";
    }
}

// Whether the child has more to say. Probes' children may hold the pipe's other end longer than the
// probe itself lives: that is a hang too.
bool take_output(Child& child) {
    char buffer[4096];
    const ssize_t size = ::read(child.output, buffer, sizeof buffer);
    if (size > 0) child.trial->text.append(buffer, static_cast<std::size_t>(size));
    return size > 0;
}

// Waits for one of them to say or to end, and removes those that have ended.
void watch(std::vector<Child>& running) {
    std::vector<pollfd> polled;
    auto next = Clock::time_point::max();
    for (const Child& child : running) {
        polled.push_back({child.output, POLLIN, 0});
        next = std::min(next, child.deadline);
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now()).count();
    ::poll(polled.data(), polled.size(), static_cast<int>(std::max<long>(left, 0)));
    std::size_t kept = 0;
    for (std::size_t i = 0; i < running.size(); ++i) {
        const bool ended = polled[i].revents != 0 && !take_output(running[i]);
        const bool hung = !ended && Clock::now() >= running[i].deadline;
        if (ended || hung) {
            finish(running[i], hung);
        } else {
            running[kept++] = running[i];
        }
    }
    running.resize(kept);
}

}  // namespace

int patience() {
#if COIR_TSAN
    return 10;
#elif COIR_ASAN
    return 4;
#else
    return 1;
#endif
}

void perform_all(std::vector<Trial>& trials, const std::string& reactor, unsigned jobs,
                 Clock::duration bound) {
    std::vector<Child> running;
    for (std::size_t next = 0; next < trials.size() || !running.empty();) {
        while (next < trials.size() && running.size() < jobs) {
            running.push_back(start(trials[next++], reactor, bound));
        }
        watch(running);
    }
}

}  // namespace differential

// SPDX-License-Identifier: BSL-1.0
#include "child.hpp"

#include "command.hpp"
#include "text.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace coir_tool {
namespace {

[[noreturn]] void fail_errno(const char* call) {
    throw CommandError(exit_failure, std::string(call) + ": " + std::strerror(errno));
}

// The child's side from fork to exit: no destructor of the parent's objects runs in it.
[[noreturn]] void run_in_child(InterruptWatch& interrupt, pid_t parent, int fd,
                               const std::function<void(Sender&)>& body) {
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    interrupt.release_in_child();
    // A crash is reported by the parent; no core file is wanted.
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
    Sender sender(fd);
    try {
        body(sender);
        ::_exit(0);
    } catch (const std::exception& error) {
        sender.send_error(without_prefix(error.what()));
    } catch (...) {
        sender.send_error("an exception of unknown type");
    }
    ::_exit(1);
}

}  // namespace

void Sender::send_frame(char kind, std::string_view message) {
    std::string frame(1, kind);
    const auto size = static_cast<std::uint32_t>(message.size());
    frame.append(reinterpret_cast<const char*>(&size), sizeof size);
    frame.append(message);
    std::string_view rest = frame;
    while (!rest.empty()) {
        const ssize_t written = ::write(fd_, rest.data(), rest.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) ::_exit(1);  // the parent is gone
        rest.remove_prefix(static_cast<std::size_t>(written));
    }
}

void Sender::become(const std::vector<std::string>& command) {
    int input[2];  // its other end closes with this process
    if (::dup2(fd_, STDOUT_FILENO) < 0 || ::pipe(input) != 0 || ::dup2(input[0], STDIN_FILENO) < 0) {
        fail_errno("dup2");
    }
    std::vector<char*> words;
    for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    ::execvp(words[0], words.data());
    ::_exit(errno == ENOENT ? exit_not_found : exit_not_executable);
}

Child::Child(InterruptWatch& interrupt, const std::function<void(Sender&)>& body)
    : interrupt_(interrupt) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) fail_errno("pipe2");
    const pid_t parent = ::getpid();
    std::fflush(nullptr);
    pid_ = ::fork();
    if (pid_ < 0) {
        const int error = errno;
        ::close(ends[0]);
        ::close(ends[1]);
        errno = error;
        fail_errno("fork");
    }
    if (pid_ == 0) {
        ::close(ends[0]);
        run_in_child(interrupt, parent, ends[1], body);
    }
    ::close(ends[1]);
    fd_ = ends[0];
}

Child::Child(Child&& other) noexcept
    : interrupt_(other.interrupt_),
      pid_(std::exchange(other.pid_, -1)),
      fd_(std::exchange(other.fd_, -1)) {}

Child::~Child() {
    if (fd_ >= 0) ::close(fd_);
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
}

void Child::fail_ended() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    if (WIFSIGNALED(status)) {
        const int signo = WTERMSIG(status);
        const char* name = ::sigabbrev_np(signo);
        throw ChildFailure("killed by signal " + std::to_string(signo) +
                               (name ? " (SIG" + std::string(name) + ")" : ""),
                           signo);
    }
    throw ChildFailure("ended early with status " + std::to_string(WEXITSTATUS(status)));
}

void Child::read_exactly(char* to, std::size_t size, Clock::time_point deadline) {
    while (size > 0) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
        if (left.count() <= 0) throw ChildFailure("no answer in time", 0, true);
        pollfd fds[] = {{fd_, POLLIN, 0}, {interrupt_.fd(), POLLIN, 0}};
        const int ready = ::poll(fds, 2, static_cast<int>(std::min<long>(left.count(), 60'000)));
        if (ready < 0 && errno != EINTR) fail_errno("poll");
        if (ready <= 0) continue;
        if (fds[1].revents != 0) interrupt_.check();
        if (fds[0].revents == 0) continue;
        const ssize_t got = ::read(fd_, to, size);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) fail_ended();
        to += got;
        size -= static_cast<std::size_t>(got);
    }
}

std::string Child::receive(Clock::time_point deadline) {
    char kind = 0;
    std::uint32_t size = 0;
    read_exactly(&kind, 1, deadline);
    read_exactly(reinterpret_cast<char*>(&size), sizeof size, deadline);
    std::string message(size, '\0');
    read_exactly(message.data(), size, deadline);
    if (kind == 'e') throw ChildFailure(message);
    return message;
}

std::string Child::receive_line(Clock::time_point deadline) {
    constexpr std::size_t longest = 4096;
    std::string line;
    for (char letter = 0; line.size() < longest; line += letter) {
        read_exactly(&letter, 1, deadline);
        if (letter == '\n') break;
    }
    return line;
}

std::string in_child(InterruptWatch& interrupt, std::chrono::milliseconds at_most,
                     const std::function<void(Sender&)>& body) {
    Child child(interrupt, body);
    return child.receive(Child::Clock::now() + at_most);
}

}  // namespace coir_tool

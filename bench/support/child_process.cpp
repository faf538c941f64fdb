// SPDX-License-Identifier: BSL-1.0
#include "child_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <algorithm>
#include <stdexcept>
#include <thread>

namespace coir_bench {

namespace {

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};

Pipe make_pipe() {
  int ends[2];
  check(::pipe2(ends, O_CLOEXEC), "pipe2");
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// Returns whether the process is gone by then.
bool reap_until(pid_t pid, ChildProcess::Clock::time_point deadline) {
  while (::waitpid(pid, nullptr, WNOHANG) == 0) {
    if (ChildProcess::Clock::now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& command) : name_(command.at(0)) {
  Pipe input = make_pipe();
  Pipe output = make_pipe();
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);

  const pid_t parent = ::getpid();
  pid_ = check(::fork(), "fork");
  if (pid_ == 0) {
    // Only async-signal-safe calls from here to exec.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);
    sigset_t none;  // what this process blocks is its own affair
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::dup2(input.read_end.get(), STDIN_FILENO);
    ::dup2(output.write_end.get(), STDOUT_FILENO);
    ::execvp(words[0], words.data());
    ::_exit(127);
  }
  input_ = std::move(input.write_end);
  output_ = std::move(output.read_end);
}

ChildProcess::~ChildProcess() {
  input_.reset();
  if (reap_until(pid_, Clock::now() + std::chrono::milliseconds(100))) return;
  ::kill(pid_, SIGTERM);
  if (reap_until(pid_, Clock::now() + std::chrono::seconds(2))) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

std::string ChildProcess::read_line(Clock::time_point deadline) {
  for (;;) {
    const std::size_t newline = unread_.find('\n');
    if (newline != std::string::npos) {
      std::string line = unread_.substr(0, newline);
      unread_.erase(0, newline + 1);
      return line;
    }
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) throw std::runtime_error(name_ + " printed nothing in time");
    pollfd one{output_.get(), POLLIN, 0};
    if (::poll(&one, 1, static_cast<int>(std::min<long>(left.count(), 60'000))) <= 0) continue;
    char chunk[4096];
    const ssize_t got = ::read(output_.get(), chunk, sizeof chunk);
    if (got <= 0) throw std::runtime_error(name_ + " ended without the expected output");
    unread_.append(chunk, static_cast<std::size_t>(got));
  }
}

}  // namespace coir_bench

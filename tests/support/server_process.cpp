// SPDX-License-Identifier: BSL-1.0
#include "server_process.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <thread>

namespace server_test {

using coir_bench::check;
using coir_bench::throw_errno;

namespace {

constexpr int patience = 5000;  // milliseconds

struct Pipe {
    UniqueFd read_end;
    UniqueFd write_end;
};

Pipe make_pipe() {
    int ends[2];
    check(::pipe2(ends, O_CLOEXEC), "pipe2");
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

bool readable(int fd, int milliseconds) {
    pollfd one{fd, POLLIN, 0};
    return ::poll(&one, 1, milliseconds) > 0;
}

std::string read_all(int fd) {
    std::string text;
    char buffer[4096];
    while (readable(fd, patience)) {
        const ssize_t got = ::read(fd, buffer, sizeof buffer);
        if (got <= 0) break;
        text.append(buffer, static_cast<std::size_t>(got));
    }
    return text;
}

}  // namespace

ServerProcess::ServerProcess(const std::vector<std::string>& command) {
    Pipe input = make_pipe();
    Pipe output = make_pipe();
    Pipe errors = make_pipe();
    std::vector<char*> words;
    for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    const pid_t parent = ::getpid();
    pid_ = check(::fork(), "fork");
    if (pid_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) ::_exit(127);
        ::dup2(input.read_end.get(), STDIN_FILENO);
        ::dup2(output.write_end.get(), STDOUT_FILENO);
        ::dup2(errors.write_end.get(), STDERR_FILENO);
        ::execvp(words[0], words.data());
        ::_exit(127);
    }
    input_ = std::move(input.write_end);
    output_ = std::move(output.read_end);
    errors_ = std::move(errors.read_end);
}

ServerProcess::~ServerProcess() {
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
}

int ServerProcess::port() {
    std::string line;
    char next = 0;
    while (next != '\n') {
        if (!readable(output_.get(), 2 * patience)) throw std::runtime_error("no port in time");
        if (::read(output_.get(), &next, 1) != 1) throw std::runtime_error("it ended: " + errors());
        line += next;
    }
    const char* digits = line.c_str() + line.find_last_not_of("0123456789\n") + 1;
    const long port = std::strtol(digits, nullptr, 10);
    if (port < 1 || port > 65535) throw std::runtime_error("this is no port: " + line);
    return static_cast<int>(port);
}

void ServerProcess::kill(int signo) const { ::kill(pid_, signo); }

End ServerProcess::wait(std::chrono::milliseconds at_most) {
    const auto deadline = Clock::now() + at_most;
    int status = 0;
    while (::waitpid(pid_, &status, WNOHANG) == 0) {
        if (Clock::now() >= deadline) return {};
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    pid_ = -1;
    return {true, WIFEXITED(status) ? WEXITSTATUS(status) : -1,
            WIFSIGNALED(status) ? WTERMSIG(status) : 0};
}

std::size_t ServerProcess::memory() const {
    std::ifstream statm("/proc/" + std::to_string(pid_) + "/statm");
    std::size_t all = 0;
    std::size_t resident = 0;
    statm >> all >> resident;
    return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

std::string ServerProcess::rest_of_output() { return read_all(output_.get()); }
std::string ServerProcess::errors() { return read_all(errors_.get()); }

Client::Client(int port, const char* address)
    : fd_(check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket")) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(port));
    ::inet_pton(AF_INET, address, &to.sin_addr);
    // Not blocking, so that a full backlog is a failure and no hang.
    check(::fcntl(fd_.get(), F_SETFL, O_NONBLOCK), "fcntl");
    if (::connect(fd_.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) < 0) {
        if (errno != EINPROGRESS) throw_errno("connect");
        if (!wait_for(POLLOUT, patience)) throw_errno("connect", ETIMEDOUT);
        int error = 0;
        socklen_t size = sizeof error;
        ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
        if (error != 0) throw_errno("connect", error);
    }
    const int on = 1;
    ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

bool Client::wait_for(short events, int milliseconds) const {
    pollfd one{fd_.get(), events, 0};
    return ::poll(&one, 1, milliseconds) > 0;
}

std::string Client::send_and_receive(const std::string& text, std::size_t size) {
    std::string came;
    std::size_t sent = 0;
    std::vector<char> buffer(65536);
    while (came.size() < size) {
        const bool sending = sent < text.size();
        if (!wait_for(sending ? POLLIN | POLLOUT : POLLIN, patience)) break;
        if (sending) {
            const ssize_t now =
                ::send(fd_.get(), text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
            if (now > 0) sent += static_cast<std::size_t>(now);
        }
        const std::size_t most = std::min(buffer.size(), size - came.size());
        const ssize_t got = ::recv(fd_.get(), buffer.data(), most, 0);
        if (got > 0) came.append(buffer.data(), static_cast<std::size_t>(got));
        if (got == 0 || (got < 0 && errno != EAGAIN)) break;
    }
    return came;
}

std::size_t Client::send_without_reading(std::size_t most, const std::string& chunk) {
    std::size_t sent = 0;
    while (sent < most && wait_for(POLLOUT, 500)) {
        const std::size_t begin = sent % chunk.size();
        const std::size_t size = std::min(chunk.size() - begin, most - sent);
        const ssize_t now = ::send(fd_.get(), chunk.data() + begin, size, MSG_NOSIGNAL);
        if (now > 0) sent += static_cast<std::size_t>(now);
        if (now < 0 && errno != EAGAIN) break;
    }
    return sent;
}

std::string Client::receive(std::size_t size) {
    std::string came;
    std::vector<char> buffer(65536);
    while (came.size() < size && wait_for(POLLIN, patience)) {
        const std::size_t most = std::min(buffer.size(), size - came.size());
        const ssize_t got = ::recv(fd_.get(), buffer.data(), most, 0);
        if (got > 0) came.append(buffer.data(), static_cast<std::size_t>(got));
        if (got == 0 || (got < 0 && errno != EAGAIN)) break;
    }
    return came;
}

void Client::send(const std::string& text) {
    std::size_t sent = 0;
    while (sent < text.size() && wait_for(POLLOUT, patience)) {
        const ssize_t now = ::send(fd_.get(), text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
        if (now < 0 && errno != EAGAIN) throw_errno("send");
        if (now > 0) sent += static_cast<std::size_t>(now);
    }
}

bool Client::ends(std::chrono::milliseconds at_most) {
    char byte;
    return wait_for(POLLIN, static_cast<int>(at_most.count())) &&
           ::recv(fd_.get(), &byte, 1, 0) == 0;
}

bool Client::is_reset(std::chrono::milliseconds at_most) {
    return wait_for(0,
                    static_cast<int>(at_most.count()));  // POLLERR and POLLHUP are always reported
}

void Client::end_output() const { check(::shutdown(fd_.get(), SHUT_WR), "shutdown"); }

void Client::reset() {
    const linger at_once{1, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    fd_.reset();
}

}  // namespace server_test

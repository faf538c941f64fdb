// SPDX-License-Identifier: BSL-1.0
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string_view>
#include <thread>

#include "../support/arguments.hpp"
#include "../support/machine.hpp"
#include "../support/system.hpp"
#include "echo_loop.hpp"

// An echo server on one of the raw loops. Loopback only. Prints its port, then echoes until its
// standard input ends or SIGTERM comes; every server of the two-process benchmark does so.
namespace coir_bench {

namespace {

constexpr const char* kUsage =
    "usage: raw-echo-server --kind epoll|poll|uring|uring_ms [--port P] [--pin CPU] [--help]\n"
    "Prints the port, echoes on 127.0.0.1, stops at the end of its input or at SIGTERM.\n";

struct Kind {
  std::string_view name;
  EchoResult (*loop)(const EchoPlan&);
};
constexpr std::array<Kind, 4> kKinds{{{"epoll", echo_epoll},
                                      {"poll", echo_poll},
                                      {"uring", echo_uring},
                                      {"uring_ms", echo_uring_multishot}}};

struct ServerOptions {
  const Kind* kind = nullptr;
  int port = 0;
  int pin = -1;
};

ServerOptions parse_options(int argc, char** argv) {
  ServerOptions options;
  Arguments arguments(argc, argv);
  while (const auto word = arguments.next()) {
    if (*word == "--kind") {
      const std::string_view name = arguments.value_of(*word);
      for (const Kind& kind : kKinds) {
        if (kind.name == name) options.kind = &kind;
      }
      if (options.kind == nullptr) throw BadOption("unknown kind " + std::string(name));
    } else if (*word == "--port") {
      options.port = arguments.number_of(*word, 0, 65535);
    } else if (*word == "--pin") {
      options.pin = arguments.number_of(*word, 0, 1023);
    } else if (*word == "--help") {
      std::fputs(kUsage, stdout);
      std::exit(0);
    } else {
      Arguments::refuse(*word);
    }
  }
  if (options.kind == nullptr) throw BadOption("--kind is missing");
  return options;
}

// Returns a listening socket and prints its port.
UniqueFd listen_on(int port) {
  UniqueFd listener(check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  const int on = 1;
  check(::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), "SO_REUSEADDR");
  // Accepted sockets inherit it.
  check(::setsockopt(listener.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  socklen_t length = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  check(::bind(listener.get(), generic, length), "bind");
  check(::listen(listener.get(), 4096), "listen");
  check(::getsockname(listener.get(), generic, &length), "getsockname");
  std::printf("%d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  return listener;
}

// Sleeps until the input ends or a signal comes. Not in the echo loop: epoll takes no plain files.
void wait_for_the_end(int signal_fd) {
  std::array<pollfd, 2> fds{{{STDIN_FILENO, POLLIN, 0}, {signal_fd, POLLIN, 0}}};
  for (;;) {
    if (::poll(fds.data(), fds.size(), -1) < 0) continue;
    if (fds[1].revents != 0) return;
    char ignored[256];
    if (fds[0].revents != 0 && ::read(STDIN_FILENO, ignored, sizeof ignored) <= 0) return;
  }
}

void serve(const ServerOptions& options) {
  // Blocked before the second thread exists, so that it arrives at the descriptor only.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const UniqueFd signal_fd(check(::signalfd(-1, &signals, SFD_CLOEXEC), "signalfd"));
  const UniqueFd stop(check(::eventfd(0, EFD_CLOEXEC), "eventfd"));
  raise_descriptor_limit();
  if (options.pin >= 0) pin_to_cpu(options.pin);

  const UniqueFd listener = listen_on(options.port);
  std::thread watcher([&] {
    wait_for_the_end(signal_fd.get());
    const std::uint64_t one = 1;
    if (::write(stop.get(), &one, sizeof one) < 0) std::abort();
  });
  watcher.detach();  // if the loop throws, nobody is left to end it

  EchoPlan plan;
  plan.buffer_bytes = 4 * 1024;
  plan.listen_fd = listener.get();
  plan.stop_fd = stop.get();
  options.kind->loop(plan);
  // Not a return: the detached thread uses what lives here.
  std::_Exit(0);
}

}  // namespace

}  // namespace coir_bench

int main(int argc, char** argv) try {
  coir_bench::serve(coir_bench::parse_options(argc, argv));
} catch (const coir_bench::BadOption& error) {
  std::fprintf(stderr, "raw-echo-server: %s\n", error.what());
  return 2;
} catch (const std::exception& error) {
  std::fprintf(stderr, "raw-echo-server: %s\n", error.what());
  std::_Exit(1);
}

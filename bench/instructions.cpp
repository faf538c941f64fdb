// SPDX-License-Identifier: BSL-1.0
// usage: bench-instructions CASE COUNT
//
// Does CASE so often and ends. bench/instructions runs it twice under callgrind, with different
// counts, and divides the difference: what is exact on any machine, however busy.
#include <coir/coir.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/socket.h>

namespace {

using namespace std::chrono_literals;
using Count = std::uint64_t;

// A thousand tasks take turns: as many yields as the count says, in all.
void yield(Count count) {
  constexpr Count kTasks = 1000;
  std::vector<coir::Task<void>> tasks;
  for (Count i = 0; i < kTasks; ++i) {
    tasks.push_back(coir::create_task([turns = count / kTasks] {
      for (Count turn = 0; turn < turns; ++turn) coir::yield_now();
    }));
  }
  for (auto& task : tasks) coir::await(task);
}

void spawn(Count count) {
  Count ran = 0;
  for (Count i = 0; i < count; ++i) coir::await(coir::create_task([&ran] { ++ran; }));
  if (ran != count) std::abort();
}

void spawn_1000(Count count) {
  std::vector<coir::Task<void>> tasks;
  tasks.reserve(1000);
  for (Count i = 0; i < count; i += 1000) {
    for (int k = 0; k < 1000; ++k) tasks.push_back(coir::create_task([] {}));
    for (auto& task : tasks) coir::await(task);
    tasks.clear();
  }
}

// A future that a partner completes: two switches, one allocation.
void future(Count count) {
  coir::Future<int> question = coir::create_future<int>();
  coir::Future<int> answer;
  auto partner = coir::create_task([&] {
    for (Count i = 0; i < count; ++i) {
      coir::await(question);
      question = coir::create_future<int>();
      answer.set_result(1);
    }
  });
  coir::yield_now();
  for (Count i = 0; i < count; ++i) {
    answer = coir::create_future<int>();
    question.set_result(0);
    coir::await(answer);
  }
  coir::await(partner);
}

void done_future(Count count) {
  for (Count i = 0; i < count; ++i) {
    coir::Future<int> future = coir::create_future<int>();
    future.set_result(1);
    coir::await(std::move(future));
  }
}

void lock(Count count) {
  coir::Lock lock;
  for (Count i = 0; i < count; ++i) {
    const std::scoped_lock hold(lock);
  }
}

void queue(Count count) {
  coir::Queue<int> queue;
  for (Count i = 0; i < count; ++i) {
    queue.put(1);
    if (queue.get() != 1) std::abort();
  }
}

// Every item is handed to a consumer that waits.
void queue_handover(Count count) {
  coir::Queue<int> queue(1);
  auto consumer = coir::create_task([&] {
    for (Count i = 0; i < count; ++i) queue.get();
  });
  for (Count i = 0; i < count; ++i) queue.put(1);
  coir::await(consumer);
}

void call_soon(Count count) {
  Count ran = 0;
  coir::EventLoop& loop = coir::get_running_loop();
  for (Count i = 0; i < count; i += 1000) {
    for (int k = 0; k < 1000; ++k) loop.call_soon([&ran] { ++ran; });
    coir::yield_now();
  }
}

void post(Count count) {
  Count ran = 0;
  coir::EventLoop& loop = coir::get_running_loop();
  for (Count i = 0; i < count; i += 1000) {
    for (int k = 0; k < 1000; ++k) loop.call_soon_threadsafe([&ran] { ++ran; });
    coir::yield_now();
  }
}

void timer_cancel(Count count) {
  coir::EventLoop& loop = coir::get_running_loop();
  for (Count i = 0; i < count; ++i) loop.call_later(1h, [] {}).cancel();
}

void timeout(Count count) {
  for (Count i = 0; i < count; ++i) coir::with_timeout(1h, [] {});
}

// Callbacks that are due at once, a thousand at a time.
void timer_fire(Count count) {
  Count ran = 0;
  coir::EventLoop& loop = coir::get_running_loop();
  for (Count i = 0; i < count; i += 1000) {
    for (int k = 0; k < 1000; ++k) loop.call_later(0ns, [&ran] { ++ran; });
    const Count all = i + 1000;
    while (ran < all) coir::yield_now();
  }
}

using Pair = std::pair<coir::Stream, coir::Stream>;

Pair unix_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) std::abort();
  return {coir::Stream(coir::Fd(ends[0])), coir::Stream(coir::Fd(ends[1]))};
}

Pair tcp_pair() {
  auto listener = coir::Listener::listen("127.0.0.1", 0);
  auto near = coir::open_connection("127.0.0.1", listener.port());
  return {std::move(near), listener.accept()};
}

// A message of 64 bytes there and back between two tasks: two writes, two reads, on COIR_REACTOR.
void stream_echo(Count count) {
  auto [near, far] = unix_pair();
  auto server = coir::create_task([&count, stream = std::move(far)]() mutable {
    char buffer[64];
    for (Count i = 0; i < count; ++i) {
      const std::size_t size = stream.read(buffer);
      stream.write(std::string_view(buffer, size));
    }
  });
  char buffer[64] = {};
  for (Count i = 0; i < count; ++i) {
    near.write(std::string_view(buffer, sizeof buffer));
    near.read_exactly(buffer);
  }
  coir::await(server);
}

// Among 200 tasks, both ends of 100 pairs, each of which sends back what it reads by `pass_back`: what a message of
// 64 bytes costs a server that has always many of them.
template <class PassBack>
void echo_among_100(Count count, Pair (*make_pair)(), PassBack pass_back) {
  constexpr int pairs = 100;
  const std::string message = std::string(63, 'x') + "\n";
  Count left = count;
  auto done = coir::create_future<void>();
  const auto echo = [&](coir::Stream& stream) {
    for (;;) {
      pass_back(stream);
      if (--left == 0) done.set_result();
    }
  };
  coir::with_task_group([&](coir::TaskGroup& group) {
    for (int i = 0; i < pairs; ++i) {
      Pair pair = make_pair();
      pair.first.write(message);
      group.create_task([&, stream = std::move(pair.first)]() mutable { echo(stream); });
      group.create_task([&, stream = std::move(pair.second)]() mutable { echo(stream); });
    }
    coir::await(done);
    group.cancel();
  });
}

void stream_echo_100(Count count) {
  echo_among_100(count, &unix_pair, [](coir::Stream& stream) {
    char buffer[128];  // room that is left says that there is no more to read
    const std::size_t size = stream.read(buffer);
    stream.write(std::string_view(buffer, size));
  });
}

void line_echo_100(Count count) {
  echo_among_100(count, &tcp_pair, [](coir::Stream& stream) { stream.write(*stream.readline()); });
}

// A header of 4 bytes, and what it announces.
void frame_echo_100(Count count) {
  echo_among_100(count, &tcp_pair, [](coir::Stream& stream) {
    char buffer[64];
    stream.read_exactly(std::span(buffer, 4));
    stream.read_exactly(std::span(buffer + 4, 60));
    stream.write(std::string_view(buffer, sizeof buffer));
  });
}

struct Case {
  std::string_view name;
  void (*run)(Count);
};
constexpr Case kCases[] = {
    {"yield", yield},           {"spawn+await", spawn},
    {"spawn+await-1000", spawn_1000},
    {"future-round-trip", future}, {"future-set+await", done_future},
    {"lock+unlock", lock},      {"queue-put+get", queue},
    {"queue-hand-over", queue_handover}, {"call_soon", call_soon},
    {"post", post},             {"call_later+cancel", timer_cancel},
    {"call_later-fire", timer_fire}, {"with_timeout", timeout},
    {"stream-echo", stream_echo}, {"stream-echo-100", stream_echo_100},
    {"line-echo-100", line_echo_100}, {"frame-echo-100", frame_echo_100},
};

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--list") {
    for (const Case& one : kCases) std::printf("%s\n", one.name.data());
    return 0;
  }
  if (argc == 3) {
    for (const Case& one : kCases) {
      if (one.name != argv[1]) continue;
      coir::run([&] { one.run(std::strtoull(argv[2], nullptr, 10)); });
      return 0;
    }
  }
  std::fprintf(stderr, "usage: bench-instructions --list | CASE COUNT (a multiple of 1000)\n");
  return 2;
}

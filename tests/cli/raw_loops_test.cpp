// SPDX-License-Identifier: BSL-1.0
// The hand-written loops that `coir bench` compares with: every byte and every datagram comes back,
// whatever ends in between.
#include "support/catch.hpp"

#include "raw/pipe_echo.hpp"
#include "raw/proxy.hpp"
#include "raw/ring_parking.hpp"
#include "raw/rpc.hpp"
#include "raw/udp_echo.hpp"
#include "support/endpoint.hpp"

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>

using namespace coir_bench;

namespace {

// Runs `body`, which does not end, in a child.
class Background {
public:
    explicit Background(const std::function<void()>& body) {
        const pid_t parent = ::getpid();
        pid_ = ::fork();
        REQUIRE(pid_ >= 0);
        if (pid_ != 0) return;
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) ::_exit(1);
        ::alarm(60);
        try {
            body();
        } catch (const std::exception&) {
        }
        ::_exit(1);
    }
    Background(const Background&) = delete;
    Background& operator=(const Background&) = delete;
    ~Background() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    bool is_running() const { return ::waitpid(pid_, nullptr, WNOHANG) == 0; }

private:
    pid_t pid_ = -1;
};

void limit_waits(int fd) {
    const timeval limit{20, 0};
    check(::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), "setsockopt");
    check(::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit), "setsockopt");
}

// The end of a ring of this process interrupts calls, and one with a time limit is not restarted.
ssize_t receive(int fd, std::string& buffer) {
    for (;;) {
        const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
        if (got >= 0 || errno != EINTR) return got;
    }
}

std::string text_of(std::size_t size, std::size_t seed) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + (i * 7 + seed) % 26);
    return text;
}

void write_whole(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(fd, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return;  // what is missing at the other end is seen there
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
}

// So many bytes, or those before the end.
std::string read_up_to(int fd, std::size_t size) {
    std::string text;
    while (text.size() < size) {
        pollfd one{fd, POLLIN, 0};
        const int ready = ::poll(&one, 1, 20'000);
        if (ready < 0 && errno == EINTR) continue;
        if (ready <= 0) return text;
        char part[8192];
        const ssize_t got = ::read(fd, part, std::min(sizeof part, size - text.size()));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return text;
        text.append(part, static_cast<std::size_t>(got));
    }
    return text;
}

// Both ways at once, for there is more than fits in between.
std::string send_and_receive(int out, int in, const std::string& text) {
    std::thread writer([&] { write_whole(out, text); });
    std::string back = read_up_to(in, text.size());
    writer.join();
    return back;
}

// Whether this kernel has what a loop by hand wants of io_uring; a loop without pipes tells.
bool has_ring() {
    try {
        echo_pipes_uring({}, 4096);
        return true;
    } catch (const std::system_error& error) {
        WARN("not tested with io_uring: " << error.what());
        return false;
    }
}

template <class Loop>
std::vector<Loop*> usable(Loop* epoll, Loop* poll, Loop* uring) {
    std::vector<Loop*> loops{epoll, poll};
    if (has_ring()) loops.push_back(uring);
    return loops;
}

struct PipePair {
    UniqueFd request_in, request_out, answer_in, answer_out;
    PipePair() {
        int ends[2];
        check(::pipe2(ends, O_CLOEXEC), "pipe2");
        request_in = UniqueFd(ends[0]);
        request_out = UniqueFd(ends[1]);
        check(::pipe2(ends, O_CLOEXEC), "pipe2");
        answer_in = UniqueFd(ends[0]);
        answer_out = UniqueFd(ends[1]);
        for (const int fd : {request_in.get(), answer_out.get()}) {
            check(::fcntl(fd, F_SETFL, O_NONBLOCK), "fcntl");
        }
    }
    Ends of_server() const { return {answer_out.get(), request_in.get()}; }
};

}  // namespace

TEST_CASE("raw loops: pipes", "[cli]") {
    for (auto* const loop : usable(echo_pipes_epoll, echo_pipes_poll, echo_pipes_uring)) {
        std::vector<PipePair> pairs(9);
        std::vector<Ends> ends;
        for (const PipePair& pair : pairs) ends.push_back(pair.of_server());
        bool threw = false;
        std::thread server([&] {
            try {
                loop(ends, 4096);
            } catch (const std::exception&) {
                threw = true;
            }
        });
        // They end one by one, from the middle; the others go on.
        for (std::size_t i = 0; i < pairs.size(); ++i) {
            PipePair& pair = pairs[(i * 4 + 4) % pairs.size()];
            const std::string text = text_of(i % 2 == 0 ? 300'000 : 1, i);
            CHECK(send_and_receive(pair.request_out.get(), pair.answer_in.get(), text) == text);
            pair.request_out.reset();
        }
        server.join();
        CHECK(!threw);
    }
}

TEST_CASE("raw loops: datagrams", "[cli]") {
    for (auto* const loop : usable(echo_datagrams_epoll, echo_datagrams_poll, echo_datagrams_uring)) {
        const BoundSocket bound = open_server(Transport::Udp);
        const Background server([&] { loop(bound.socket.get(), 65'536); });
        std::vector<UniqueFd> clients;
        for (int i = 0; i < 3; ++i) {
            clients.push_back(connect_to(bound.endpoint));
            limit_waits(clients.back().get());
        }
        std::string back(65'536, '\0');
        std::size_t answers = 0;
        for (std::size_t i = 0; i < 600; ++i) {  // more than it has buffers
            const int client = clients[i % clients.size()].get();
            const std::string text = text_of(i % 100 == 7 ? 65'507 : i % 100, i);
            REQUIRE(::send(client, text.data(), text.size(), 0) ==
                    static_cast<ssize_t>(text.size()));
            const ssize_t got = receive(client, back);
            REQUIRE(got == static_cast<ssize_t>(text.size()));
            if (back.compare(0, text.size(), text) == 0) ++answers;
        }
        CHECK(answers == 600);
        // To one that is gone, which the others do not notice.
        for (int i = 0; i < 20; ++i) {
            const UniqueFd gone = connect_to(bound.endpoint);
            static_cast<void>(::send(gone.get(), "x", 1, 0));
        }
        REQUIRE(::send(clients[0].get(), "last", 4, 0) == 4);
        CHECK(receive(clients[0].get(), back) == 4);
        CHECK(server.is_running());
    }
}

namespace {

// Echoes what comes, a thread for each connection; on "end" it hangs up.
void serve_backend(int listener) {
    for (;;) {
        const int fd = ::accept(listener, nullptr, nullptr);
        if (fd < 0) continue;
        std::thread([fd] {
            char part[4096];
            for (ssize_t got = 0; (got = ::recv(fd, part, sizeof part, 0)) > 0;) {
                const std::string_view bytes(part, static_cast<std::size_t>(got));
                if (bytes == "end") break;
                write_whole(fd, bytes);
            }
            ::close(fd);
        }).detach();
    }
}

void check_proxy(const Endpoint& proxy) {
    std::vector<UniqueFd> quiet;
    for (std::size_t i = 0; i < 30; ++i) {
        UniqueFd client = connect_to(proxy);
        limit_waits(client.get());
        const std::string text = text_of(i % 10 == 0 ? 5'000'000 : 100 + i, i);
        CHECK(send_and_receive(client.get(), client.get(), text) == text);
        switch (i % 3) {
            case 0:  // stays open beside the others
                quiet.push_back(std::move(client));
                break;
            case 1:  // the server hangs up, and so does the proxy
                write_whole(client.get(), "end");
                CHECK(read_up_to(client.get(), 1).empty());
                break;
            default:  // it goes with much on its way
                static_cast<void>(::send(client.get(), text.data(), text.size(), MSG_DONTWAIT));
                break;
        }
    }
    for (const UniqueFd& client : quiet) {
        CHECK(send_and_receive(client.get(), client.get(), "still there") == "still there");
    }
}

}  // namespace

TEST_CASE("raw loops: proxies", "[cli]") {
    const BoundSocket backend = open_server(Transport::Tcp);
    const Background echo([&] {
        ::signal(SIGPIPE, SIG_IGN);
        serve_backend(backend.socket.get());
    });
    for (auto* const loop : usable(run_epoll_proxy, run_poll_proxy, run_uring_proxy)) {
        const BoundSocket bound = open_server(Transport::Tcp);
        const Background proxy([&] { loop(bound.socket.get(), backend.endpoint, 4096); });
        check_proxy(bound.endpoint);
        CHECK(proxy.is_running());
    }
}

namespace {

constexpr std::size_t request_bytes = 100'000;

// Every third request gives the others a turn; one that begins with '!' and one with '?' take too long,
// the first of them without a turn for the others.
bool work_on(std::string_view request) {
    static unsigned count = 0;
    if (request[0] == '!' || request[0] == '?') {
        std::this_thread::sleep_for(std::chrono::nanoseconds(kRequestLimitNs + 50'000'000));
    }
    return request[0] == '?' || (request[0] != '!' && ++count % 3 == 0);
}

void check_service(const Endpoint& service) {
    std::vector<UniqueFd> clients;
    for (std::size_t i = 0; i < 9; ++i) {
        clients.push_back(connect_to(service));
        limit_waits(clients.back().get());
    }
    const auto is_answered = [](const UniqueFd& client, const std::string& requests) {
        return send_and_receive(client.get(), client.get(), requests) == requests;
    };
    for (std::size_t i = 0; i < 45; ++i) {
        const std::size_t at_once = i % 5 == 0 ? 20 : 1;  // more than a socket holds
        CHECK(is_answered(clients[i % clients.size()], text_of(at_once * request_bytes, i)));
    }
    write_whole(clients[0].get(), "a part");
    clients[0].reset();
    static_cast<void>(::send(clients[1].get(), "a part", 6, MSG_DONTWAIT));
    // Whose time is over when it could be answered, and who has nothing to wait for.
    std::string late = text_of(request_bytes, 1);
    late[0] = '?';
    CHECK(send_and_receive(clients[2].get(), clients[2].get(), late).empty());
    late[0] = '!';
    CHECK(is_answered(clients[3], late));
    for (std::size_t i = 3; i < clients.size(); ++i) {
        CHECK(is_answered(clients[i], text_of(request_bytes, i)));
    }
}

template <class Place>
void check_parking(const char* what) {
    INFO(what);
    Place here;
    here.wake();
    here.wake();
    here.wait();  // for both
    std::atomic<int> turns = 0;
    std::atomic<bool> waits_again = false;
    std::thread other([&] {
        for (int i = 0; i < 200; ++i) {
            if (i % 10 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
            while (!waits_again.exchange(false)) std::this_thread::yield();
            turns.fetch_add(1);
            here.wake();
        }
    });
    bool each_time = true;
    for (int i = 0; i < 200; ++i) {
        waits_again.store(true);
        here.wait();
        each_time = each_time && turns.load() == i + 1;
    }
    other.join();
    CHECK(each_time);
}

}  // namespace

TEST_CASE("raw loops: requests", "[cli]") {
    for (auto* const loop : usable(serve_requests_epoll, serve_requests_poll, serve_requests_uring)) {
        const BoundSocket bound = open_server(Transport::Tcp);
        const Background service([&] { loop(bound.socket.get(), request_bytes, work_on); });
        check_service(bound.endpoint);
        CHECK(service.is_running());
    }
}

TEST_CASE("raw loops: wakes", "[cli]") {
    check_parking<Parking<EpollWaiter>>("epoll");
    check_parking<Parking<PollWaiter>>("poll");
    if (has_ring()) check_parking<RingParking>("io_uring");
}

// SPDX-License-Identifier: BSL-1.0
// Drives a reactor through its interface alone, as the scheduler would, but without tasks.
#pragma once

#include "support/catch.hpp"
#include "support/own_reactor.hpp"
#include "support/run.hpp"

#include "reactors/registry.hpp"

#include <coir/reactor.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace coir_conformance {

using namespace std::chrono_literals;
using coir::Operation;
using coir::OpCode;

/// An operation that knows when it has completed.
struct Tracked : Operation {
    int completions = 0;
    bool done() const { return completions > 0; }
    Tracked() {
        complete = [](Operation& self) noexcept { ++static_cast<Tracked&>(self).completions; };
    }
    static Tracked of(OpCode code, int fd) {
        Tracked operation;
        operation.code = code;
        operation.fd = fd;
        return operation;
    }
};

/// A descriptor that closes itself, telling the reactor first.
class Owned {
public:
    Owned(coir::Reactor& reactor, int fd) : reactor_(&reactor), fd_(fd) { REQUIRE(fd >= 0); }
    Owned(Owned&& other) noexcept : reactor_(other.reactor_), fd_(std::exchange(other.fd_, -1)) {}
    Owned& operator=(Owned&&) = delete;
    ~Owned() { close(); }
    int get() const { return fd_; }
    void close() {
        if (fd_ < 0) return;
        reactor_->fd_closing(fd_);
        ::close(std::exchange(fd_, -1));
    }

private:
    coir::Reactor* reactor_;
    int fd_;
};

/// The reactor under test, made the way a loop makes it: probed, wrapped in the contract checker.
class Harness {
public:
    Harness() : choice_(coir::detail::choose_reactor(coir_test::reactor())) {
        completions_.reserve_events(64);
        reactor().attach();
    }
    coir::Reactor& reactor() { return *choice_.reactor; }
    coir::TimePoint now() {
        return reactor().world() ? reactor().world()->now() : coir::detail::real_sys().now();
    }

    /// Starts an operation, each other one by a single call; true when it was done at once.
    bool start(Tracked& operation) {
        const bool by_one_call = ++started_ % 2 == 0;
        if (by_one_call ? reactor().begin(operation) : reactor().try_now(operation)) {
            ++operation.completions;
            return true;
        }
        if (!by_one_call) reactor().submit(operation);
        return false;
    }
    /// One wait; runs what it brings.
    coir::WaitResult turn(coir::TimePoint deadline = coir::TimePoint::min()) {
        const coir::WaitResult result = reactor().wait(deadline, completions_);
        CHECK(result.error == 0);
        for (Operation* operation = completions_.take(); operation;) {
            Operation* next = operation->next;
            operation->complete(*operation);
            operation = next;
        }
        for (const auto& pending : completions_.events()) {
            pending.source->event(*pending.source, pending.event);
        }
        completions_.events().clear();
        return result;
    }
    /// Waits until `operation` has completed, for five seconds at most, and returns its result.
    std::int32_t finish(Tracked& operation) {
        for (int i = 0; i < 5000 && !operation.done(); ++i) turn(now() + 1ms);
        REQUIRE(operation.completions == 1);
        return operation.result;
    }
    std::int32_t run(Tracked& operation) {
        return start(operation) ? operation.result : finish(operation);
    }
    /// Lets everything happen that can without anything new.
    void settle() {
        for (int i = 0; i < 5; ++i) turn();
    }

    std::pair<Owned, Owned> pair(int type = SOCK_STREAM) {
        int ends[2];
        REQUIRE(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) == 0);
        return {Owned(reactor(), ends[0]), Owned(reactor(), ends[1])};
    }

    /// Both ends of a TCP connection over the loopback.
    std::pair<Owned, Owned> tcp_pair() {
        const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* name = reinterpret_cast<sockaddr*>(&address);
        REQUIRE(::bind(listener, name, size) == 0);
        REQUIRE(::listen(listener, 1) == 0);
        REQUIRE(::getsockname(listener, name, &size) == 0);
        Owned client(reactor(), ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        REQUIRE(::connect(client.get(), name, size) == 0);
        Owned server(reactor(), ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
        ::close(listener);
        return {std::move(client), std::move(server)};
    }

private:
    coir::CompletionList completions_;
    coir::detail::ReactorChoice choice_;
    unsigned started_ = 0;
};

/// Closes one end so that the other one sees a reset (TCP).
inline void reset(Owned& end) {
    const linger at_once{1, 0};
    REQUIRE(::setsockopt(end.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
    end.close();
}

inline Tracked receive(int fd, void* buffer, std::size_t size, std::uint8_t hints = 0) {
    Tracked operation = Tracked::of(OpCode::recv, fd);
    operation.buffer = buffer;
    operation.size = size;
    operation.hints = hints;
    return operation;
}

inline Tracked transmit(int fd, std::string_view bytes, std::uint8_t hints = 0) {
    Tracked operation = Tracked::of(OpCode::send, fd);
    operation.buffer = const_cast<char*>(bytes.data());
    operation.size = bytes.size();
    operation.hints = hints;
    return operation;
}

inline Tracked readiness(int fd, unsigned events) {
    Tracked operation = Tracked::of(OpCode::poll, fd);
    operation.flags = events;
    return operation;
}

/// What descriptors may be: foreign, or coir's own.
inline std::vector<std::uint8_t> all_hints() {
    return {coir::hint_none, coir::hint_owned | coir::hint_stream,
            coir::hint_owned | coir::hint_unix_stream};
}

}  // namespace coir_conformance

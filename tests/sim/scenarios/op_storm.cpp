// SPDX-License-Identifier: BSL-1.0
// Operations of all kinds on a reactor by itself: submitted, cancelled and closed under it at any
// moment. Each completes once; bytes come in their order.
#include "scenario.hpp"

#include <coir/reactor.hpp>

#include <array>
#include <chrono>
#include <memory>
#include <utility>

#include <fcntl.h>
#include <poll.h>

namespace coir_scenarios {
namespace {

// One way of a pair of sockets: bytes that count up.
struct Way {
    int to = -1;
    int from = -1;
    unsigned char next_sent = 0;
    unsigned char next_received = 0;
    bool ordered = true;  // false: two receive at a time
};

struct Request : coir::Operation {
    bool pending = false;
    int completions = 0;
    Way* way = nullptr;
    /// What has completed is looked at in the next turn.
    bool is_taken() const { return pending || completions != 0; }
    std::array<unsigned char, 16> bytes{};
};

class OpStorm {
public:
    OpStorm() : reactor_(coir::testing::detail::make_reactor()), sys_(*reactor_->world()) {
        reactor_->attach();
        for (std::size_t i = 0; i < ways_.size(); ++i) open(ways_[i], i == 0);
    }

    void run() {
        for (int turns = 0; turns < 300; ++turns) {
            for (std::uint64_t actions = 1 + dice_.below(6); actions > 0; --actions) act();
            turn(std::chrono::microseconds(dice_.below(40)));
        }
        for (Way& way : ways_) close(way);
        for (Request& request : requests_) {
            if (request.pending) reactor_->cancel(request);
        }
        for (int turns = 0; turns < 200; ++turns) turn(std::chrono::microseconds(20));
        for (const Request& request : requests_) expect(!request.pending, "each operation completes");
    }

private:
    void open(Way& way, bool shared) {
        int ends[2] = {-1, -1};
        // Descriptors that do not block are another way through io_uring.
        const int flags = dice_.below(2) == 0 ? SOCK_NONBLOCK : 0;
        const long made = sys_(SYS_socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0, &ends[0]);
        expect(made == 0, "a pair of sockets");
        way = {ends[0], ends[1], 0, 0, !shared};
    }
    void close(Way& way) {
        for (const int fd : {way.to, way.from}) {
            reactor_->fd_closing(fd);
            sys_.close(fd);
        }
        for (Request& request : requests_) {
            if (request.way == &way) request.way = nullptr;
        }
    }

    void act() {
        Way& way = ways_[dice_.below(ways_.size())];
        switch (dice_.below(16)) {
            case 0:
                close(way);
                open(way, &way == &ways_[0]);
                break;
            case 1:
            case 2: {
                Request& request = dice_.below(2) == 0 && last_ ? *last_ : requests_[dice_.below(requests_.size())];
                if (request.pending) reactor_->cancel(request);
                break;
            }
            case 3:
                // More than there may be room for.
                for (std::uint64_t polls = 1 + dice_.below(8); polls > 0; --polls) {
                    begin(way, coir::OpCode::poll, way.from);
                }
                break;
            case 4:
            case 5:
            case 6:
            case 7:
                begin(way, coir::OpCode::send, way.to);
                break;
            default:
                begin(way, coir::OpCode::recv, way.from);
                break;
        }
    }

    // Whether the other side of `way` may begin: one at a time, where order counts.
    bool is_free(const Way& way, coir::OpCode code) const {
        if (code == coir::OpCode::poll) return true;
        int busy = 0;
        for (const Request& request : requests_) {
            if (request.is_taken() && request.way == &way && request.code == code) ++busy;
        }
        return busy < (way.ordered || code == coir::OpCode::send ? 1 : 2);
    }

    void begin(Way& way, coir::OpCode code, int fd) {
        Request& request = requests_[dice_.below(requests_.size())];
        if (request.is_taken() || !is_free(way, code)) return;
        static_cast<coir::Operation&>(request) = {};
        request.code = code;
        request.fd = fd;
        request.way = &way;
        request.flags = code == coir::OpCode::poll ? POLLIN : 0;
        request.hints = coir::hint_owned;
        request.complete = &done;
        if (code != coir::OpCode::poll) {
            request.buffer = request.bytes.data();
            request.size = 1 + dice_.below(request.bytes.size());
        }
        if (code == coir::OpCode::send) {
            std::uint64_t next = way.next_sent;
            for (auto& byte : request.bytes) byte = static_cast<unsigned char>(next++);
        }
        request.pending = true;
        if (reactor_->try_now(request)) {
            done(request);
        } else {
            reactor_->submit(request);
            last_ = &request;
            // Before the kernel has seen it.
            if (dice_.below(6) == 0) reactor_->cancel(request);
        }
    }

    static void done(coir::Operation& operation) noexcept {
        auto& request = static_cast<Request&>(operation);
        ++request.completions;
        request.pending = false;
    }

    void settle(Request& request) {
        expect(!request.pending && request.completions == 1, "an operation completes once");
        request.completions = 0;
        Way* way = std::exchange(request.way, nullptr);
        if (request.result <= 0 || !way || request.code == coir::OpCode::poll) return;
        const auto size = static_cast<std::size_t>(request.result);
        if (request.code == coir::OpCode::send) {
            way->next_sent = static_cast<unsigned char>(way->next_sent + size);
            return;
        }
        for (std::size_t i = 0; i < size && way->ordered; ++i) {
            expect(request.bytes[i] == static_cast<unsigned char>(way->next_received + i),
                   "bytes come in their order");
        }
        way->next_received = static_cast<unsigned char>(way->next_received + size);
    }

    void turn(std::chrono::microseconds limit) {
        const auto result = reactor_->wait(sys_.now() + limit, events_);
        expect(result.error == 0, "the reactor works");
        for (coir::Operation* operation = events_.take(); operation;) {
            coir::Operation* const next = operation->next;
            operation->complete(*operation);
            operation = next;
        }
        for (Request& request : requests_) {
            if (request.completions != 0) settle(request);
        }
    }

    LoggedDice dice_;
    std::unique_ptr<coir::Reactor> reactor_;
    coir::detail::Sys& sys_;
    coir::CompletionList events_;
    Request* last_ = nullptr;  // that was submitted
    std::array<Way, 3> ways_;
    std::array<Request, 16> requests_;
};

void op_storm() { OpStorm().run(); }

}  // namespace

const Scenario op_storm_scenario = {
    "op_storm", "operations on a reactor by itself, cancelled and closed at any moment", &op_storm};

}  // namespace coir_scenarios

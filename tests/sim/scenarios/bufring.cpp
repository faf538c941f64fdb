// SPDX-License-Identifier: BSL-1.0
// Multishot receives into leased buffers, of which a slow consumer holds most: they run dry, are
// cancelled, end for no reason, and every byte comes once and in its order. The reactor is driven by
// itself, without a loop.
#include "scenario.hpp"

#include <coir/reactor.hpp>

#include <array>
#include <deque>
#include <memory>

#include <fcntl.h>

namespace coir_scenarios {
namespace {

constexpr std::size_t pairs = 3;

struct Receiver : coir::MultiOperation {
    int peer = -1;
    std::string sent;
    std::size_t sent_so_far = 0;
    std::string received;
    std::deque<std::uint32_t> leases;
    bool armed = false;
    bool at_end = false;
    int dry = 0;
};

void take(coir::MultiOperation& source, const coir::MultiEvent& event) noexcept {
    auto& receiver = static_cast<Receiver&>(source);
    if (event.buffer) {
        receiver.received.append(static_cast<const char*>(event.buffer),
                                 static_cast<std::size_t>(event.result));
        receiver.leases.push_back(event.buffer_id);
    }
    if (event.result == -ENOBUFS) ++receiver.dry;
    if (event.more) return;
    receiver.armed = false;
    receiver.at_end = event.result == 0;
}

class Bench {
public:
    Bench() : reactor_(coir::testing::detail::make_reactor()), sys_(*reactor_->world()) {
        reactor_->attach();
        events_.reserve_events(64);
    }

    void open(Receiver& receiver) {
        int ends[2] = {-1, -1};
        const long made = sys_(SYS_socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, &ends[0]);
        expect(made == 0, "a pair of sockets");
        receiver.code = coir::OpCode::recv;
        receiver.fd = ends[0];
        receiver.peer = ends[1];
        receiver.event = &take;
        receiver.sent = dice_.bytes(300 + dice_.below(300));
    }
    // False: this kernel is too old.
    bool arm(Receiver& receiver) {
        receiver.armed = reactor_->submit(receiver);
        return receiver.armed;
    }
    void send_some(Receiver& receiver) {
        const std::size_t left = receiver.sent.size() - receiver.sent_so_far;
        if (left == 0) return;
        const std::size_t part = std::min<std::size_t>(1 + dice_.below(4), left);
        const long put = sys_(SYS_sendto, receiver.peer, receiver.sent.data() + receiver.sent_so_far,
                              part, MSG_DONTWAIT | MSG_NOSIGNAL, nullptr, 0);
        if (put > 0) receiver.sent_so_far += static_cast<std::size_t>(put);
        if (receiver.sent_so_far == receiver.sent.size()) sys_(SYS_shutdown, receiver.peer, SHUT_WR);
    }
    void return_some(Receiver& receiver, bool all) {
        while (!receiver.leases.empty() && (all || dice_.below(3) == 0)) {
            reactor_->return_buffer(receiver.leases.front());
            receiver.leases.pop_front();
        }
    }
    void cancel_sometimes(Receiver& receiver) {
        if (receiver.armed && dice_.below(40) == 0) reactor_->cancel(receiver);
    }
    void turn() {
        const auto result = reactor_->wait(sys_.now() + std::chrono::microseconds(20), events_);
        expect(result.error == 0, "the reactor works");
        for (const auto& pending : events_.events()) pending.source->event(*pending.source, pending.event);
        events_.events().clear();
    }
    void close(Receiver& receiver) {
        reactor_->fd_closing(receiver.fd);
        sys_.close(receiver.fd);
        sys_.close(receiver.peer);
    }
    std::uint64_t below(std::uint64_t count) { return dice_.below(count); }

private:
    Dice dice_;
    std::unique_ptr<coir::Reactor> reactor_;
    coir::detail::Sys& sys_;
    coir::CompletionList events_;
};

void bufring() {
    std::array<Receiver, pairs> receivers;
    Bench bench;
    for (Receiver& receiver : receivers) bench.open(receiver);
    bool supported = true;
    for (Receiver& receiver : receivers) supported = bench.arm(receiver) && supported;
    const bool hoards = bench.below(2) == 0;
    std::size_t ended = 0;
    for (int turns = 0; supported && ended < pairs; ++turns) {
        expect(turns < 20'000, "it comes to an end");
        ended = 0;
        for (Receiver& receiver : receivers) {
            bench.send_some(receiver);
            // Who hoards gives nothing back until there is nothing left.
            const bool dry = receiver.dry > 0;
            if (!hoards || dry) bench.return_some(receiver, dry);
            receiver.dry = 0;
            bench.cancel_sometimes(receiver);
            if (receiver.at_end) ++ended;
            if (!receiver.armed && !receiver.at_end) bench.arm(receiver);
        }
        if (ended < pairs) bench.turn();
    }
    for (Receiver& receiver : receivers) {
        if (supported) expect(receiver.received == receiver.sent, "every byte came once, in its order");
        bench.return_some(receiver, true);
        bench.close(receiver);
    }
    for (int turns = 0; turns < 50; ++turns) bench.turn();
    for (Receiver& receiver : receivers) expect(!receiver.armed, "each ends once its descriptor is closed");
}

void on_io_uring(coir::testing::SimOptions& options) {
    options.reactor = coir::testing::SimReactor::io_uring;
}

}  // namespace

const Scenario bufring_scenario = {
    "bufring", "multishot receives whose leased buffers run dry", &bufring, &on_io_uring};

}  // namespace coir_scenarios

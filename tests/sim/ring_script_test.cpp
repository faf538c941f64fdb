// SPDX-License-Identifier: BSL-1.0
// The io_uring reactor and completions that are written down by hand: what a kernel may answer, in every
// order, and what it should never answer.
#include "reactors/sim/kernel_ring.hpp"
#include "reactors/sim/ring_script.hpp"
#include "reactors/sim/sim_sys.hpp"
#include "reactors/sim/world.hpp"
#include "support/catch.hpp"

#include <coir/coir.hpp>
#include <coir/reactor.hpp>
#include <coir/testing.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <sys/socket.h>

using namespace std::chrono_literals;
namespace sim = coir::detail::sim;
namespace testing = coir::testing;

namespace {

constexpr std::uint64_t kernels = 12;  // seeds: kernels of every age

void on_each_kernel(const std::function<void()>& program) {
    for (std::uint64_t seed = 0; seed < kernels; ++seed) {
        INFO("seed " << seed);
        testing::SimOptions options;
        options.seed = seed;
        options.reactor = testing::SimReactor::io_uring;
        options.order = testing::SimOrder::fifo;
        options.faults = testing::SimFaults{};
        const auto result = testing::simulate(options, program);
        CHECK(result.open_descriptors == 0);
    }
}

// What of a request the tests look at: the kernel's own ends in an array without a size.
struct Taken {
    std::uint8_t opcode;
    std::uint8_t flags;
    std::uint16_t priority;
    std::uint64_t token;
    std::uint64_t address;  // of a cancel: whom it means
    std::uint32_t length;
};

// Takes every request of the given kinds, and answers when it is told to.
class Script final : public sim::RingScript {
public:
    explicit Script(std::vector<int> opcodes) : opcodes_(std::move(opcodes)) {
        sim::current_world()->ring_script = this;
    }
    ~Script() { sim::current_world()->ring_script = nullptr; }

    bool takes(sim::KernelRing& ring, const io_uring_sqe& request) override {
        const bool ours = std::find(opcodes_.begin(), opcodes_.end(), request.opcode) != opcodes_.end();
        if (!ours) return false;
        ring_ = &ring;
        taken.push_back({request.opcode, request.flags, request.ioprio, request.user_data, request.addr,
                         request.len});
        if (when_taken) when_taken(taken.back());
        return true;
    }
    long enters() override {
        if (next_errors.empty()) return 0;
        const long error = next_errors.back();
        next_errors.pop_back();
        return error;
    }
    void complete(const Taken& request, std::int32_t result, unsigned flags = 0) {
        ring_->post(request.token, result, flags);
    }
    // As a kernel does: a success may be one that the request does not want to hear of.
    void answer(const Taken& cancel, std::int32_t result) {
        const bool silent = result >= 0 && (cancel.flags & IOSQE_CQE_SKIP_SUCCESS) != 0;
        if (!silent) complete(cancel, result);
    }
    // A message in the next buffer of the group, as a multishot receive posts it.
    void complete_with(const Taken& request, const std::string& bytes, bool more) {
        std::size_t room = 0;
        unsigned id = 0;
        void* const buffer = ring_->peek_buffer(room, id);
        REQUIRE(buffer);
        REQUIRE(room >= bytes.size());
        std::memcpy(buffer, bytes.data(), bytes.size());
        ring_->take_buffer();
        complete(request, static_cast<std::int32_t>(bytes.size()),
                 IORING_CQE_F_BUFFER | id << IORING_CQE_BUFFER_SHIFT | (more ? IORING_CQE_F_MORE : 0u));
    }
    const Taken* last(int opcode) const {
        for (std::size_t i = taken.size(); i > 0; --i) {
            if (taken[i - 1].opcode == opcode) return &taken[i - 1];
        }
        return nullptr;
    }
    std::size_t count(int opcode) const {
        return static_cast<std::size_t>(std::count_if(
            taken.begin(), taken.end(), [opcode](const Taken& one) { return one.opcode == opcode; }));
    }

    std::vector<Taken> taken;
    std::function<void(const Taken&)> when_taken;
    std::vector<long> next_errors;  // of entering the ring

private:
    const std::vector<int> opcodes_;
    sim::KernelRing* ring_ = nullptr;
};

// A reactor without a loop, and a pair of blocking sockets.
class Bench {
public:
    Bench() : reactor_(testing::detail::make_reactor()), sys_(*reactor_->world()) {
        reactor_->attach();
        events_.reserve_events(64);
        REQUIRE(sys_(SYS_socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, &ends[0]) == 0);
    }
    Bench(const Bench&) = delete;
    Bench& operator=(const Bench&) = delete;
    ~Bench() {
        for (const int fd : ends) {
            reactor_->fd_closing(fd);
            sys_.close(fd);
        }
    }

    coir::Reactor& reactor() { return *reactor_; }
    void turn() { CHECK(turn_to_error() == 0); }
    int turn_to_error() {
        const auto result = reactor_->wait(sys_.now() + 10us, events_);
        while (coir::Operation* operation = events_.take()) ++completions_of(*operation);
        for (const auto& pending : events_.events()) pending.source->event(*pending.source, pending.event);
        events_.events().clear();
        return result.error;
    }
    void turns(int count) {
        for (int i = 0; i < count; ++i) turn();
    }

    int ends[2] = {-1, -1};

    struct Receive : coir::Operation {
        explicit Receive(const Bench& bench) {
            code = coir::OpCode::recv;
            fd = bench.ends[0];
            buffer = bytes;
            size = sizeof bytes;
        }
        char bytes[16] = {};
        int completions = 0;
    };

private:
    static int& completions_of(coir::Operation& operation) {
        return static_cast<Receive&>(operation).completions;
    }

    std::unique_ptr<coir::Reactor> reactor_;
    coir::detail::Sys& sys_;
    coir::CompletionList events_;
};

}  // namespace

TEST_CASE("B42 a cancel and its operation end in every order, with every answer", "[script]") {
    on_each_kernel([] {
        for (const std::int32_t answer : {0, -ENOENT, -EALREADY}) {
            for (const std::int32_t result : {5, 0, -ECANCELED, -ECONNRESET}) {
                for (const bool result_first : {true, false}) {
                    for (const bool together : {true, false}) {
                        INFO("answer " << answer << ", result " << result << ", result first " << result_first
                                       << ", together " << together);
                        Bench bench;
                        Script script({IORING_OP_RECV, IORING_OP_ASYNC_CANCEL});
                        Bench::Receive receive(bench);
                        bench.reactor().submit(receive);
                        bench.turns(2);
                        REQUIRE(script.count(IORING_OP_RECV) == 1);
                        bench.reactor().cancel(receive);
                        bench.turns(2);
                        REQUIRE(script.count(IORING_OP_ASYNC_CANCEL) == 1);
                        const Taken request = *script.last(IORING_OP_RECV);
                        const Taken cancel = *script.last(IORING_OP_ASYNC_CANCEL);
                        CHECK(cancel.address == request.token);
                        CHECK(receive.completions == 0);
                        if (result_first) script.complete(request, result);
                        if (!together) bench.turn();
                        script.answer(cancel, answer);
                        if (!together) bench.turn();
                        if (!result_first) script.complete(request, result);
                        bench.turns(3);
                        CHECK(receive.completions == 1);
                        CHECK(receive.result == result);
                        CHECK(script.taken.size() == 2);
                    }
                }
            }
        }
    });
}

TEST_CASE("B42 an interrupted operation is made again, unless it was cancelled", "[script]") {
    on_each_kernel([] {
        for (const bool cancelled : {false, true}) {
            Bench bench;
            Script script({IORING_OP_RECV, IORING_OP_ASYNC_CANCEL});
            Bench::Receive receive(bench);
            bench.reactor().submit(receive);
            bench.turns(2);
            if (cancelled) {
                bench.reactor().cancel(receive);
                bench.turns(2);
                script.answer(*script.last(IORING_OP_ASYNC_CANCEL), -EALREADY);
            }
            script.complete(*script.last(IORING_OP_RECV), -EINTR);
            bench.turns(3);
            CHECK(script.count(IORING_OP_RECV) == (cancelled ? 1u : 2u));
            CHECK(receive.completions == (cancelled ? 1 : 0));
            if (cancelled) {
                CHECK(receive.result == -ECANCELED);
                continue;
            }
            script.complete(*script.last(IORING_OP_RECV), 3);
            bench.turns(2);
            CHECK(receive.completions == 1);
            CHECK(receive.result == 3);
        }
    });
}

TEST_CASE("B51 a completion that comes twice, or that nobody asked for, is dropped", "[script]") {
    on_each_kernel([] {
        Bench bench;
        Script script({IORING_OP_RECV, IORING_OP_ASYNC_CANCEL});
        Bench::Receive first(bench);
        bench.reactor().submit(first);
        bench.turns(2);
        const Taken old = *script.last(IORING_OP_RECV);
        script.complete(old, 1);
        script.complete(old, 2);  // once more in the same batch
        bench.turns(2);
        CHECK(first.completions == 1);
        CHECK(first.result == 1);
        Bench::Receive second(bench);
        bench.reactor().submit(second);
        bench.turns(2);
        const Taken request = *script.last(IORING_OP_RECV);
        REQUIRE(request.token != old.token);
        Taken unknown = request;
        for (const std::uint64_t token : {old.token, request.token + (std::uint64_t{1} << 32),
                                          request.token ^ 0xffff, ~std::uint64_t{0}, std::uint64_t{0}}) {
            unknown.token = token;
            script.complete(unknown, 7);
        }
        bench.turns(2);
        CHECK(first.completions == 1);
        CHECK(second.completions == 0);
        script.complete(request, 4);
        bench.turns(2);
        CHECK(second.completions == 1);
        CHECK(second.result == 4);
    });
}

TEST_CASE("B43 a cancelled accept that had succeeded: its connection is closed", "[script]") {
    on_each_kernel([] {
        for (const std::int32_t answer : {0, -EALREADY, -ENOENT}) {
            for (const bool result_first : {true, false}) {
                coir::run([&] {
                    Script script({IORING_OP_ACCEPT, IORING_OP_ASYNC_CANCEL});
                    auto listener = coir::Socket::create(AF_INET, SOCK_STREAM);
                    listener.bind(coir::Address("127.0.0.1", 0));
                    listener.listen(4);
                    auto task = coir::create_task([&] { listener.accept(); });
                    // A connection that the kernel has made, and whose number it is about to tell.
                    int ends[2];
                    sim::SimSys sys(*sim::current_world());
                    REQUIRE(sys(SYS_socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, &ends[0]) == 0);
                    script.when_taken = [&](const Taken& request) {
                        if (request.opcode != IORING_OP_ASYNC_CANCEL) return;
                        const Taken accept = *script.last(IORING_OP_ACCEPT);
                        if (result_first) script.complete(accept, ends[0]);
                        script.answer(request, answer);
                        if (!result_first) script.complete(accept, ends[0]);
                    };
                    coir::sleep(1ms);
                    REQUIRE(script.count(IORING_OP_ACCEPT) == 1);
                    task.cancel();
                    coir::wait({task});
                    CHECK(script.count(IORING_OP_ASYNC_CANCEL) == 1);
                    char byte;
                    CHECK(sys(SYS_recvfrom, ends[1], &byte, 1, MSG_DONTWAIT, nullptr, 0) == 0);
                    sys.close(ends[1]);
                });
            }
        }
    });
}

namespace {

// A source that is armed again whenever it ends, as its owner would.
struct Source : coir::MultiOperation {
    coir::Reactor* reactor = nullptr;
    std::string received;
    int endings = 0;
    int dry = 0;
    bool at_end = false;

    static void take(coir::MultiOperation& operation, const coir::MultiEvent& event) noexcept {
        auto& self = static_cast<Source&>(operation);
        if (event.buffer) {
            self.received.append(static_cast<const char*>(event.buffer),
                                 static_cast<std::size_t>(event.result));
            self.reactor->return_buffer(event.buffer_id);
        }
        if (event.result == -ENOBUFS) ++self.dry;
        if (event.result == 0) self.at_end = true;
        if (event.more) return;
        ++self.endings;
        if (!self.at_end) self.reactor->submit(self);
    }
};

}  // namespace

TEST_CASE("B56 a multishot receive that ends at any message goes on with the next", "[script]") {
    const std::vector<std::string> messages = {"one", "two", "three", "four", "five"};
    int kernels_with_it = 0;
    on_each_kernel([&] {
        // Bit i: no F_MORE after message i; what it says instead of one more message afterwards.
        for (unsigned endings = 0; endings < 1u << messages.size(); ++endings) {
            for (const std::int32_t error : {0, -ENOBUFS}) {
                Bench bench;
                Script script({IORING_OP_RECV});
                Source source;
                source.code = coir::OpCode::recv;
                source.fd = bench.ends[0];
                source.event = &Source::take;
                source.reactor = &bench.reactor();
                if (!bench.reactor().submit(source)) return;  // too old
                if (endings == 0 && error == 0) ++kernels_with_it;
                bench.turns(2);
                std::string sent;
                for (std::size_t i = 0; i < messages.size(); ++i) {
                    const Taken request = *script.last(IORING_OP_RECV);
                    const bool more = (endings >> i & 1) == 0;
                    const bool dry = !more && error != 0;
                    script.complete_with(request, messages[i], more || dry);
                    if (dry) script.complete(request, error);
                    sent += messages[i];
                    if (!more) bench.turns(2);  // for it to be armed again
                }
                script.complete(*script.last(IORING_OP_RECV), 0);
                bench.turns(2);
                CHECK(source.received == sent);
                CHECK(source.at_end);
                const int expected = __builtin_popcount(endings);
                CHECK(source.endings == expected + 1);
                CHECK(source.dry == (error != 0 ? expected : 0));
                CHECK(script.count(IORING_OP_RECV) == static_cast<std::size_t>(expected) + 1);
            }
        }
    });
    CHECK(kernels_with_it > 0);
}

TEST_CASE("B53 errors of the ring itself: the passing ones pass, the others are told", "[script]") {
    on_each_kernel([] {
        for (const int error : {EINTR, EAGAIN, EBUSY, ENOMEM, EBADR, EFAULT}) {
            INFO("errno " << error);
            const bool passes = error != EBADR && error != EFAULT;
            Bench bench;
            Script script({IORING_OP_RECV});
            Bench::Receive receive(bench);
            bench.reactor().submit(receive);
            script.next_errors.assign(3, -error);
            int told = 0;
            for (int i = 0; i < 8; ++i) told += bench.turn_to_error() == -error ? 1 : 0;
            CHECK((told > 0) == !passes);
            if (!passes) continue;
            CHECK(script.next_errors.empty());
            script.complete(*script.last(IORING_OP_RECV), 5);
            bench.turns(2);
            CHECK(receive.completions == 1);
        }
    });
}

// SPDX-License-Identifier: BSL-1.0
// Races between cancellation and completion. Every operation ends exactly once, as completed or as
// cancelled, and the bytes tell whether that is true: what was taken by operations that completed, and what is
// left in the socket, is what was sent, in its order.
#include "soak.hpp"
#include "usage.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/run.hpp>
#include <coir/socket.hpp>
#include <coir/task.hpp>
#include <coir/timeout.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace coir_soak {
namespace {

using coir::Fd;

struct Tally {
    std::uint64_t completed = 0;
    std::uint64_t cancelled = 0;
    std::uint64_t timed_out = 0;
};

// Two connected sockets: one that the races are on, and the other end, which is used directly.
class Lane {
public:
    enum class Kind { receive, receive_in_time, send };

    explicit Lane(Kind kind) : kind_(kind) {
        int ends[2];
        require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0, "no socket pair");
        // The smallest there is: a send is to find it full.
        const int smallest = 1;
        ::setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &smallest, sizeof smallest);
        raced_ = coir::Socket(Fd(ends[0]));
        other_ = Fd(ends[1]);
        if (kind == Kind::send) fill();
    }

    void begin(Tally& tally) {
        task_ = coir::create_task([this, &tally] { race(tally); });
    }
    // What lets one operation go on, and not those after it, or all of them would find something.
    void provide() {
        if (kind_ == Kind::send) {
            take_some(1024);
        } else if (given_ == taken_) {
            give_one();
        }
    }
    void cancel() {
        asked_ = true;
        task_->cancel();
    }
    // It has ended, or ends now.
    void finish(Tally& tally) {
        if (!asked_ && kind_ != Kind::receive_in_time) cancel();
        try {
            coir::await(*task_);
        } catch (const coir::TaskCancelledError&) {
            ++tally.cancelled;  // before it ran at all
        }
        task_.reset();
        asked_ = false;
    }
    // When no race is under way: nothing is lost, and nothing came twice.
    void check() {
        if (kind_ == Kind::send) {
            take_some(1 << 20);
            require(given_ == taken_, whole(given_) + " bytes were sent, and " + whole(taken_) + " came");
            return fill();
        }
        int waiting = 0;
        require(::ioctl(raced_.native_handle(), FIONREAD, &waiting) == 0, "FIONREAD failed");
        require(given_ - taken_ == static_cast<std::uint64_t>(waiting),
                whole(given_) + " bytes were sent and " + whole(taken_) + " received, but " +
                    std::to_string(waiting) + " wait");
    }

private:
    // Of a task: one operation, which ends in one of three ways.
    void race(Tally& tally) {
        try {
            if (kind_ == Kind::receive_in_time) {
                coir::with_timeout(std::chrono::microseconds(given_ % 3 * 20), [this] { operate(); });
            } else {
                operate();
            }
            ++tally.completed;
        } catch (const coir::CancelledError&) {
            ++tally.cancelled;
        } catch (const coir::TimeoutError&) {
            ++tally.timed_out;
        }
    }
    void operate() { kind_ == Kind::send ? send_some() : receive_one(); }

    void receive_one() {
        char byte = 0;
        require(raced_.recv(std::span(&byte, 1)) == 1, "the end of a stream that did not end");
        verify(byte);
    }
    void send_some() {
        char bytes[1024];
        for (std::size_t i = 0; i < sizeof bytes; ++i) bytes[i] = static_cast<char>(given_ + i);
        given_ += raced_.send(std::string_view(bytes, sizeof bytes));
    }
    // The bytes are numbered.
    void verify(char byte) {
        require(byte == static_cast<char>(taken_), "byte " + whole(taken_) + " is another one");
        ++taken_;
    }
    void give_one() {
        const char byte = static_cast<char>(given_);
        if (::write(other_.get(), &byte, 1) == 1) ++given_;
    }
    void take_some(std::size_t most) {
        char bytes[4096];
        while (most > 0) {
            const ssize_t got = ::read(other_.get(), bytes, std::min(most, sizeof bytes));
            if (got <= 0) return;
            std::for_each(bytes, bytes + got, [this](char byte) { verify(byte); });
            most -= static_cast<std::size_t>(got);
        }
    }
    void fill() {
        char bytes[256];
        for (;;) {
            for (std::size_t i = 0; i < sizeof bytes; ++i) bytes[i] = static_cast<char>(given_ + i);
            const ssize_t sent = ::send(raced_.native_handle(), bytes, sizeof bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
            if (sent <= 0) return;
            given_ += static_cast<std::uint64_t>(sent);
        }
    }

    const Kind kind_;
    coir::Socket raced_;
    Fd other_;
    std::optional<coir::Task<void>> task_;
    bool asked_ = false;
    std::uint64_t given_ = 0;  // bytes that are on their way, or have come
    std::uint64_t taken_ = 0;
};

class Races {
public:
    Races(std::uint64_t count, Progress& progress) : count_(count), progress_(progress) {}

    // The main task.
    void run() {
        for (int i = 0; i < 48; ++i) {
            const auto kind = i % 4 < 2 ? Lane::Kind::receive : i % 4 == 2 ? Lane::Kind::receive_in_time
                                                                          : Lane::Kind::send;
            lanes_.push_back(std::make_unique<Lane>(kind));
        }
        for (int batch = 1; done_ < count_; ++batch) {
            run_batch();
            if (batch % 256 == 0) check();
            progress_.show(static_cast<double>(done_) / static_cast<double>(count_));
        }
        check();
        lanes_.clear();
    }
    const Tally& tally() const { return tally_; }
    std::uint64_t done() const { return done_; }

private:
    void run_batch() {
        for (const auto& lane : lanes_) lane->begin(tally_);
        if (random_() % 8 != 0) coir::yield_now();  // or they are cancelled before they run
        // Now and then they wait in the kernel first.
        if (random_() % 4 == 0) coir::yield_now();
        std::shuffle(lanes_.begin(), lanes_.end(), random_);
        for (const auto& lane : lanes_) drive(*lane);
        if (random_() % 2 == 0) coir::yield_now();
        for (const auto& lane : lanes_) lane->finish(tally_);
        done_ += lanes_.size();
    }
    // One of the orders of what may happen to an operation.
    void drive(Lane& lane) {
        switch (random_() % 7) {
            case 0:  // its deadline, or the end of the batch
                break;
            case 1:
                lane.provide();
                break;
            case 2:
                lane.cancel();
                break;
            case 3:
                lane.provide();
                lane.cancel();
                break;
            case 4:
                lane.cancel();
                lane.provide();
                break;
            case 5:
                lane.provide();
                coir::yield_now();
                lane.cancel();
                break;
            default:
                lane.cancel();
                coir::yield_now();
                lane.provide();
                break;
        }
    }
    void check() {
        for (const auto& lane : lanes_) lane->check();
        const std::uint64_t ends = tally_.completed + tally_.cancelled + tally_.timed_out;
        require(ends == done_, whole(done_) + " operations have ended " + whole(ends) + " times");
    }

    const std::uint64_t count_;
    Progress& progress_;
    std::mt19937_64 random_{1};
    std::vector<std::unique_ptr<Lane>> lanes_;
    Tally tally_;
    std::uint64_t done_ = 0;
};

}  // namespace

std::string soak_cancels(const Plan& plan) {
    Progress progress("cancels on " + plan.reactor);
    const std::size_t descriptors = read_usage().descriptors;
    const Clock::time_point begin = Clock::now();
    Races races(plan.count, progress);
    coir::RunOptions options;
    options.reactor = plan.reactor;
    coir::run([&] { races.run(); }, options);
    const std::size_t left = read_usage().descriptors;
    require(left == descriptors, whole(left) + " descriptors at the end, and before it " + whole(descriptors));
    const Tally& tally = races.tally();
    require(tally.completed > 0 && tally.cancelled > 0 && tally.timed_out > 0,
            "these are no races: " + whole(tally.completed) + " completed, " + whole(tally.cancelled) +
                " were cancelled, " + whole(tally.timed_out) + " timed out");
    return whole(races.done()) + " races on " + plan.reactor + " in " + fixed(seconds_since(begin), 1) + " s: " +
           whole(tally.completed) + " completed, " + whole(tally.cancelled) + " cancelled, " +
           whole(tally.timed_out) + " timed out, each once; every byte is accounted for";
}

}  // namespace coir_soak

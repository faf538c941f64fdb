// SPDX-License-Identifier: BSL-1.0
// A reactor of your own in a hundred lines: select(2). It supports only OpCode::poll, and runs
// everything all the same: coir waits for readiness through it and makes the calls itself.
#pragma once

#include <coir/reactor.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <vector>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <unistd.h>

class SelectReactor final : public coir::Reactor {
public:
    SelectReactor() : wake_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
    ~SelectReactor() override { ::close(wake_fd_); }

    std::string_view name() const noexcept override { return "select"; }

    // Keeps the operation until it is done. Everything is reported from wait(), never from here.
    void submit(coir::Operation& operation) noexcept override { waiting_.push_back(&operation); }

    // A request: the operation still completes.
    void cancel(coir::Operation& operation) noexcept override {
        const auto at = std::find(waiting_.begin(), waiting_.end(), &operation);
        if (at == waiting_.end()) return;
        waiting_.erase(at);
        cancelled_.push_back(&operation);
    }

    coir::WaitResult wait(coir::TimePoint deadline,
                          coir::CompletionList& completions) noexcept override {
        coir::WaitResult result;
        for (coir::Operation* operation : cancelled_) completions.finish(*operation, -ECANCELED);
        if (!cancelled_.empty()) deadline = coir::TimePoint::min();
        cancelled_.clear();

        fd_set readable, writable;
        const int limit = fill(readable, writable);
        timeval left{};
        const bool forever = !time_left(deadline, left);
        if (::select(limit, &readable, &writable, nullptr, forever ? nullptr : &left) > 0) {
            result.woken = drain_wake(readable);
            collect(readable, writable, completions);
        }
        result.completed = static_cast<std::uint32_t>(completions.size());
        return result;
    }

    // Any thread, and signal handlers: ends the select() that sleeps, or the next one.
    void wake() noexcept override {
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto written = ::write(wake_fd_, &one, sizeof one);
    }

private:
    int fill(fd_set& readable, fd_set& writable) const {
        FD_ZERO(&readable);
        FD_ZERO(&writable);
        FD_SET(wake_fd_, &readable);
        int limit = wake_fd_ + 1;
        for (const coir::Operation* operation : waiting_) {
            if ((operation->flags & POLLIN) != 0) FD_SET(operation->fd, &readable);
            if ((operation->flags & POLLOUT) != 0) FD_SET(operation->fd, &writable);
            limit = std::max(limit, operation->fd + 1);
        }
        return limit;
    }
    static bool time_left(coir::TimePoint deadline, timeval& left) {
        if (deadline == coir::never) return false;
        if (deadline == coir::TimePoint::min()) return true;  // do not sleep
        const auto wait = deadline - std::chrono::steady_clock::now();
        const auto us = std::chrono::ceil<std::chrono::microseconds>(wait).count();
        left = {std::max(us, 0L) / 1'000'000, std::max(us, 0L) % 1'000'000};
        return true;
    }
    bool drain_wake(const fd_set& readable) const {
        if (!FD_ISSET(wake_fd_, &readable)) return false;
        std::uint64_t count = 0;
        [[maybe_unused]] const auto got = ::read(wake_fd_, &count, sizeof count);
        return true;
    }
    void collect(const fd_set& readable, const fd_set& writable, coir::CompletionList& done) {
        std::erase_if(waiting_, [&](coir::Operation* operation) {
            unsigned events = 0;
            if (FD_ISSET(operation->fd, &readable)) events |= POLLIN;
            if (FD_ISSET(operation->fd, &writable)) events |= POLLOUT;
            events &= operation->flags;
            if (events == 0) return false;
            done.finish(*operation, static_cast<std::int32_t>(events));
            return true;
        });
    }

    const int wake_fd_;
    std::vector<coir::Operation*> waiting_;
    std::vector<coir::Operation*> cancelled_;
};

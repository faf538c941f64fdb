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
    void submit(coir::Operation& operation) noexcept override {
        const bool fits = operation.fd >= 0 && operation.fd < FD_SETSIZE;
        if (!fits) operation.result = operation.fd < 0 ? -EBADF : -EMFILE;
        (fits ? waiting_ : ended_).push_back(&operation);
    }

    // A request: the operation still completes.
    void cancel(coir::Operation& operation) noexcept override {
        if (std::erase(waiting_, &operation) == 0) return;
        operation.result = -ECANCELED;
        ended_.push_back(&operation);
    }

    coir::WaitResult wait(coir::TimePoint deadline,
                          coir::CompletionList& completions) noexcept override {
        if (!ended_.empty()) deadline = coir::TimePoint::min();
        for (coir::Operation* operation : ended_) completions.finish(*operation, operation->result);
        ended_.clear();

        fill(deadline);
        timeval left{};
        timeval* const timeout = time_left(deadline, left) ? &left : nullptr;
        // It fails for a signal, or for a descriptor that was closed: look at all, then.
        all_ = ::select(FD_SETSIZE, &in_, &out_, &urgent_, timeout) < 0;
        coir::WaitResult result;
        result.woken = !all_ && drain_wake();
        collect(completions);
        result.completed = static_cast<std::uint32_t>(completions.size());
        return result;
    }

    // Any thread, and signal handlers: ends the select() that sleeps, or the next one.
    void wake() noexcept override {
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto written = ::write(wake_fd_, &one, sizeof one);
    }

private:
    static constexpr unsigned selectable = POLLIN | POLLOUT | POLLPRI;

    void fill(coir::TimePoint& deadline) {
        for (fd_set* set : {&in_, &out_, &urgent_}) FD_ZERO(set);
        FD_SET(wake_fd_, &in_);
        for (const coir::Operation* operation : waiting_) {
            if ((operation->flags & POLLIN) != 0) FD_SET(operation->fd, &in_);
            if ((operation->flags & POLLOUT) != 0) FD_SET(operation->fd, &out_);
            if ((operation->flags & POLLPRI) != 0) FD_SET(operation->fd, &urgent_);
            // select() has no set for hang-ups alone: look again after a while.
            if ((operation->flags & selectable) == 0) {
                const auto soon = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
                deadline = std::min(deadline, soon);
            }
        }
    }
    static bool time_left(coir::TimePoint deadline, timeval& left) {
        if (deadline == coir::never) return false;
        if (deadline == coir::TimePoint::min()) return true;  // do not sleep
        const auto wait = deadline - std::chrono::steady_clock::now();
        const auto us = std::chrono::ceil<std::chrono::microseconds>(wait).count();
        left = {std::max(us, 0L) / 1'000'000, std::max(us, 0L) % 1'000'000};
        return true;
    }
    bool drain_wake() const {
        if (!FD_ISSET(wake_fd_, &in_)) return false;
        std::uint64_t count = 0;
        [[maybe_unused]] const auto got = ::read(wake_fd_, &count, sizeof count);
        return true;
    }
    // What is true of the descriptor, as poll(2) says it; 0: nothing that the operation waits for.
    int events_of(const coir::Operation& operation) const {
        const int fd = operation.fd;
        const bool reported = FD_ISSET(fd, &in_) || FD_ISSET(fd, &out_) || FD_ISSET(fd, &urgent_);
        if (!all_ && !reported && (operation.flags & selectable) != 0) return 0;
        pollfd one{fd, static_cast<short>(operation.flags), 0};
        return ::poll(&one, 1, 0) > 0 ? one.revents : 0;
    }
    void collect(coir::CompletionList& done) {
        std::erase_if(waiting_, [&](coir::Operation* operation) {
            const int events = events_of(*operation);
            if (events != 0) done.finish(*operation, events);
            return events != 0;
        });
    }

    const int wake_fd_;
    fd_set in_, out_, urgent_;
    bool all_ = false;
    std::vector<coir::Operation*> waiting_, ended_;
};

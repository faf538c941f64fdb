// SPDX-License-Identifier: BSL-1.0
// The io_uring reactor's class: io_uring.cpp has the way in (submit, cancel, close), and
// io_uring_wait.cpp the way out (wait, completions, wake). Private to reactors/io_uring*.cpp.
#pragma once

#include <atomic>
#include <string>
#include <string_view>

#include "io_uring_ring.hpp"

namespace coir {
inline namespace v0 {
namespace detail {

struct IoUringParameters {
    unsigned entries = Ring::default_entries;
    std::size_t rung = 0;
};

/// See io_uring.cpp.
class IoUringReactor final : public Reactor {
public:
    /// `waker`: what wake() writes through, on any thread.
    IoUringReactor(Sys& sys, const IoUringParameters& parameters, Sys& waker = real_sys());
    ~IoUringReactor() override;

    std::string_view name() const noexcept override { return "io_uring"; }
    bool begin(Operation& operation) noexcept override;
    void submit(Operation& operation) noexcept override;
    void cancel(Operation& operation) noexcept override;
    WaitResult wait(TimePoint deadline, CompletionList& list) noexcept override;
    void wake() noexcept override;
    void attach() noexcept override;
    bool supports(OpCode code) const noexcept override { return code < OpCode::count_; }
    bool submit(MultiOperation& operation) noexcept override;
    void cancel(MultiOperation& operation) noexcept override;
    void return_buffer(std::uint32_t buffer_id) noexcept override { buffers_.give_back(buffer_id); }
    void fd_closing(int fd) noexcept override;
    int pollable_fd() const noexcept override;
    bool has_unsent() const noexcept override;
    void forked_child() noexcept override;
    void counters(ReactorCounters& counters) const noexcept override { counters = counters_; }
    std::string details() const override;

private:
    static constexpr std::uint64_t wake_token = 1;  // generation 0 is ours; 0: nobody's
    static constexpr std::uint8_t patience = 8;     // EAGAINs before an operation has to rest

    // Whether wake() must go through the kernel.
    enum class Sleep : int { awake, asleep, woken };

    io_uring_sqe* acquire_sqe() noexcept;
    void flush() noexcept;
    void issue(std::uint32_t index) noexcept;
    void queue(std::uint32_t index) noexcept;
    void drain_backlog(CompletionList& list) noexcept;
    bool finish_unsent(std::uint32_t index, CompletionList& list) noexcept;
    void cancel(std::uint32_t index) noexcept;
    void send_unsent_cancels() noexcept;
    void void_unsubmitted(int fd) noexcept;
    void arm_wake() noexcept;

    bool prepare_sleep(TimePoint deadline, __kernel_timespec& timeout, bool& endless) noexcept;
    void enter(bool sleep, const __kernel_timespec* timeout) noexcept;
    void reap(CompletionList& list) noexcept;
    void on_internal(const io_uring_cqe& cqe) noexcept;
    void on_stale(const io_uring_cqe& cqe) noexcept;
    bool on_multi(std::uint32_t index, const io_uring_cqe& cqe, CompletionList& list) noexcept;
    bool goes_on(Slot& slot, std::uint32_t index, std::int32_t& result) noexcept;
    bool goes_on_direct(Slot& slot, std::uint32_t index, std::int32_t& result) noexcept;
    void settle_embedding(bool collected) noexcept;
    void take_everything_back() noexcept;
    void discard(const io_uring_cqe& cqe) noexcept;
    bool multi_supported(OpCode code) const noexcept;

    Sys& sys_;
    Sys& direct_;  // for wake(): no fault injection, no other thread's state
    Ring ring_;
    SlotTable slots_;
    LeasedBuffers buffers_;
    CompletionList early_;  // operations that never got a slot
    std::uint32_t backlog_first_ = no_slot;
    std::uint32_t backlog_last_ = no_slot;
    bool cancels_unsent_ = false;
    bool wake_armed_ = false;
    bool multishot_poll_ = true;
    bool skip_success_ = false;
    int error_ = 0;
    int wake_fd_ = -1;
    mutable std::atomic<int> embed_fd_{-1};  // wake() reads it
    mutable std::atomic<Sleep> sleep_{Sleep::awake};
    std::uint64_t stale_ = 0;
    ReactorCounters counters_;
};

}  // namespace detail
}  // namespace v0
}  // namespace coir

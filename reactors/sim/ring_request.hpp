// SPDX-License-Identifier: BSL-1.0
// One request that a simulated io_uring has taken.
//
//   begun --made, would wait--> waiting --its node changes, made--> decided --told--> over
//
// Each arrow may take its time.
#pragma once

#include "node.hpp"

#include "../io_uring_abi.hpp"

#include <memory>

#include <sys/socket.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

class KernelRing;

class RingRequest final : public Watch, public std::enable_shared_from_this<RingRequest> {
public:
    RingRequest(KernelRing& ring, const io_uring_sqe& entry, std::shared_ptr<Node> node);
    ~RingRequest();

    enum class Stage : unsigned char { begun, waiting, decided, over };

    std::uint64_t user_data() const noexcept { return entry_->user_data; }
    int fd() const noexcept { return entry_->fd; }
    Stage stage() const noexcept { return stage_; }
    /// Something that a cancel may find running.
    bool may_be_running() const noexcept;
    /// Tries to make it, or tells what has been decided.
    void go_on();
    /// The result, which is told now or later.
    void decide(std::int32_t result, unsigned flags = 0);
    /// The ring is gone: nothing is told.
    void abandon() noexcept;
    void on_change(unsigned events) noexcept override;

private:
    bool is_multishot() const noexcept;
    bool waits_for(long result) const noexcept;
    bool is_spent() const noexcept;
    long make(unsigned& flags);
    long make_call();
    long connect();
    long poll() noexcept;
    long receive_into_group(unsigned& flags);
    void sleep();
    void make_many();
    void wait();
    void tell();
    void stop_watching() noexcept;

    KernelRing& ring_;
    const std::shared_ptr<Node> node_;
    Stage stage_ = Stage::begun;
    bool watching_ = false;
    bool connecting_ = false;
    bool queued_ = false;  // the ring has work for it
    std::int32_t result_ = 0;
    unsigned flags_ = 0;
    sockaddr_storage address_{};  // the kernel's copy
    const std::unique_ptr<const io_uring_sqe> entry_;  // it ends in an array without a size

    friend class KernelRing;
};

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir

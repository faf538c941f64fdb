// SPDX-License-Identifier: BSL-1.0
// Setting a simulated ring up, and what io_uring_register(2) does. See kernel_ring.hpp.
#include "kernel_ring.hpp"

#include "sim_sys.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {
namespace {

constexpr unsigned features = IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP |
                              IORING_FEAT_SUBMIT_STABLE | IORING_FEAT_RW_CUR_POS |
                              IORING_FEAT_FAST_POLL | IORING_FEAT_POLL_32BITS | IORING_FEAT_EXT_ARG;
constexpr unsigned most_entries = 32768;

}  // namespace

long KernelRing::set_up(unsigned entries, io_uring_params& params) {
    if ((params.flags & ~profile_.setup_flags) != 0 || entries == 0 || entries > most_entries) {
        return -EINVAL;
    }
    setup_ = params.flags;
    sq_entries_ = std::bit_ceil(entries);
    const unsigned wanted = (params.flags & IORING_SETUP_CQSIZE) != 0 ? params.cq_entries
                                                                     : 2 * sq_entries_;
    if (wanted < sq_entries_) return -EINVAL;
    // Fewer than asked for, which Linux does not do: so that there is too little room at times.
    cq_entries_ = std::min(std::bit_ceil(wanted), profile_.most_completions);
    queues_size_ = sq_array_at + sq_entries_ * sizeof(unsigned);
    queues_size_ = (queues_size_ + 63) / 64 * 64;
    cqes_at_ = queues_size_;
    queues_size_ += cq_entries_ * sizeof(io_uring_cqe);
    queues_ = std::make_unique<Line[]>((queues_size_ + sizeof(Line) - 1) / sizeof(Line));
    entries_ = std::make_unique<io_uring_sqe[]>(sq_entries_);
    params.sq_entries = sq_entries_;
    params.cq_entries = cq_entries_;
    params.features = features | (profile_.skip_success ? IORING_FEAT_CQE_SKIP : 0u);
    params.sq_off.head = sq_head_at;
    params.sq_off.tail = sq_tail_at;
    params.sq_off.flags = sq_flags_at;
    params.sq_off.array = sq_array_at;
    params.cq_off.head = cq_head_at;
    params.cq_off.tail = cq_tail_at;
    params.cq_off.cqes = static_cast<unsigned>(cqes_at_);
    return 0;
}

long KernelRing::map(std::size_t size, std::uint64_t offset) noexcept {
    if (offset == IORING_OFF_SQES && size <= sq_entries_ * sizeof(io_uring_sqe)) {
        return reinterpret_cast<long>(entries_.get());
    }
    if (offset == IORING_OFF_SQ_RING && size <= queues_size_) {
        return reinterpret_cast<long>(queues_.get());
    }
    return -EINVAL;
}

bool KernelRing::owns(long address) const noexcept {
    return address == reinterpret_cast<long>(queues_.get()) ||
           address == reinterpret_cast<long>(entries_.get());
}

namespace {

// The newest are what tells kernels apart.
bool knows(const RingProfile& profile, unsigned opcode) noexcept {
    if (opcode >= IORING_OP_SOCKET) return profile.multishot;
    return true;
}

void probe(const RingProfile& profile, void* argument, unsigned count) noexcept {
    io_uring_probe head;
    std::memset(&head, 0, sizeof head);
    head.last_op = IORING_OP_SEND_ZC;
    head.ops_len = static_cast<std::uint8_t>(std::min(count, unsigned{IORING_OP_SEND_ZC} + 1));
    char* to = static_cast<char*>(argument);
    std::memcpy(to, &head, sizeof head);
    for (unsigned i = 0; i < head.ops_len; ++i) {
        io_uring_probe_op op{};
        op.op = static_cast<std::uint8_t>(i);
        op.flags = knows(profile, i) ? std::uint16_t{IO_URING_OP_SUPPORTED} : std::uint16_t{0};
        std::memcpy(to + sizeof head + i * sizeof op, &op, sizeof op);
    }
}

}  // namespace

long KernelRing::control(unsigned opcode, void* argument, unsigned count) {
    switch (opcode) {
        case IORING_REGISTER_PROBE:
            probe(profile_, argument, count);
            return 0;
        case IORING_REGISTER_ENABLE_RINGS:
            if ((setup_ & IORING_SETUP_R_DISABLED) == 0) return -EBADFD;
            setup_ &= ~unsigned{IORING_SETUP_R_DISABLED};
            return 0;
        case IORING_REGISTER_RING_FDS: {
            if (!profile_.registered_ring) return -EINVAL;
            io_uring_rsrc_update update{};
            std::memcpy(&update, argument, sizeof update);
            update.offset = SimSys::registered_ring;
            std::memcpy(argument, &update, sizeof update);
            return 1;
        }
        case IORING_UNREGISTER_RING_FDS:
            return 1;
        case IORING_REGISTER_IOWQ_MAX_WORKERS:
            return 0;
        case IORING_REGISTER_PBUF_RING: {
            if (!profile_.multishot) return -EINVAL;
            io_uring_buf_reg registration{};
            std::memcpy(&registration, argument, sizeof registration);
            buffers_ = reinterpret_cast<io_uring_buf_ring*>(registration.ring_addr);
            buffer_count_ = registration.ring_entries;
            return 0;
        }
        default:
            return -EINVAL;
    }
}

void* KernelRing::peek_buffer(std::size_t& size, unsigned& id) noexcept {
    if (!buffers_ || buffers_->tail == buffer_head_) return nullptr;
    const io_uring_buf& buffer =
        reinterpret_cast<const io_uring_buf*>(buffers_)[buffer_head_ & (buffer_count_ - 1)];
    size = buffer.len;
    id = buffer.bid;
    return reinterpret_cast<void*>(buffer.addr);
}

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir

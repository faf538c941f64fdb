// SPDX-License-Identifier: BSL-1.0
// Setting an io_uring up and probing for it; the request table and the leased buffers.
//
// Facts about io_uring:
// - An unknown set-up flag is EINVAL, so the best combination is found by trying: DEFER_TASKRUN is
//   6.1, SINGLE_ISSUER 6.0, COOP_TASKRUN 5.19, R_DISABLED 5.10. EXT_ARG (5.11) is the least we
//   need.
// - Ring memory is charged to RLIMIT_MEMLOCK, per user, not per process, and given back late:
//   ENOMEM may be a matter of size.
// - SINGLE_ISSUER belongs to the thread that enables the ring, not to the one that made it.
// - A registered ring descriptor is an index into a table of the calling *thread*. On another
//   thread the same number may be somebody else's ring, so it is unregistered only by its owner.
// - io_uring_queue_mmap() leaves the SQ index array to its caller.
#include "io_uring_ring.hpp"

#include <coir/detail/futex_lock.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <new>

#include <fcntl.h>
#include <sys/mman.h>

#if COIR_HAVE_VALGRIND
#include <valgrind/valgrind.h>
#endif

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

struct Word {
    unsigned bit;
    const char* name;
};

struct Rung {
    const char* name;
    unsigned flags;
};

constexpr unsigned cooperative =
    IORING_SETUP_SUBMIT_ALL | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_R_DISABLED;
constexpr Rung rungs[] = {
    {"defer", IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | cooperative},
    {"single", IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN | cooperative},
    {"coop", IORING_SETUP_COOP_TASKRUN | cooperative},
    {"disabled", IORING_SETUP_R_DISABLED},
    {"plain", 0},
};
static_assert(std::size(rungs) == Ring::rung_count());

constexpr Word setup_words[] = {
    {IORING_SETUP_SINGLE_ISSUER, "SINGLE_ISSUER"},
    {IORING_SETUP_DEFER_TASKRUN, "DEFER_TASKRUN"},
    {IORING_SETUP_COOP_TASKRUN, "COOP_TASKRUN"},
    {IORING_SETUP_TASKRUN_FLAG, "TASKRUN_FLAG"},
    {IORING_SETUP_SUBMIT_ALL, "SUBMIT_ALL"},
    {IORING_SETUP_R_DISABLED, "R_DISABLED"},
    {IORING_SETUP_CQSIZE, "CQSIZE"},
};
constexpr Word feature_words[] = {
    {IORING_FEAT_NODROP, "NODROP"},
    {IORING_FEAT_FAST_POLL, "FAST_POLL"},
    {IORING_FEAT_EXT_ARG, "EXT_ARG"},
    {IORING_FEAT_CQE_SKIP, "CQE_SKIP"},
    {IORING_FEAT_REG_REG_RING, "REG_REG_RING"},
    {IORING_FEAT_RECVSEND_BUNDLE, "RECVSEND_BUNDLE"},
    {IORING_FEAT_MIN_TIMEOUT, "MIN_TIMEOUT"},
    {IORING_FEAT_NO_IOWAIT, "NO_IOWAIT"},
};

constexpr unsigned needed_features =
    IORING_FEAT_NODROP | IORING_FEAT_FAST_POLL | IORING_FEAT_RW_CUR_POS | IORING_FEAT_EXT_ARG;
constexpr unsigned needed_opcodes[] = {
    IORING_OP_NOP,          IORING_OP_READV,   IORING_OP_WRITEV,   IORING_OP_FSYNC,
    IORING_OP_POLL_ADD,     IORING_OP_SENDMSG, IORING_OP_RECVMSG,  IORING_OP_ACCEPT,
    IORING_OP_ASYNC_CANCEL, IORING_OP_CONNECT, IORING_OP_TIMEOUT,  IORING_OP_OPENAT,
    IORING_OP_CLOSE,        IORING_OP_STATX,   IORING_OP_READ,     IORING_OP_WRITE,
    IORING_OP_SEND,         IORING_OP_RECV,    IORING_OP_SHUTDOWN,
};

template <std::size_t N>
std::string words(const Word (&table)[N], unsigned bits) {
    std::string text;
    for (const Word& word : table) {
        if (!(bits & word.bit)) continue;
        if (!text.empty()) text += '|';
        text += word.name;
    }
    return text.empty() ? "none" : text;
}

}  // namespace

std::size_t Ring::rung(std::string_view name) noexcept {
    std::size_t index = 0;
    while (index < std::size(rungs) && name != rungs[index].name) ++index;
    return index;
}

int Ring::fail(const char* step, long error) noexcept {
    failed_step_ = step;
    close();
    return static_cast<int>(error);
}

int Ring::open(Sys& sys, unsigned entries, std::size_t first_rung) noexcept {
    constexpr unsigned fewest = 16;
    sys_ = &sys;
    unsigned size = entries;
    for (std::size_t rung = first_rung; rung < std::size(rungs);) {
        const int error = set_up(size, rungs[rung].flags | IORING_SETUP_CQSIZE);
        if (error == 0) return 0;
        if (error == -EINVAL && ++rung < std::size(rungs)) continue;
        if (error == -ENOMEM && size / 2 >= fewest) {
            size /= 2;
            continue;
        }
        return error;
    }
    return -EINVAL;
}

int Ring::set_up(unsigned entries, unsigned flags) noexcept {
    io_uring_params params = {};
    params.flags = flags;
    params.cq_entries = entries * 4;
    const long fd = (*sys_)(SYS_io_uring_setup, entries, &params);
    if (fd < 0) return fail("io_uring_setup", fd);
    const long error = map(static_cast<int>(fd), params);
    if (error < 0) {
        sys_->close(static_cast<int>(fd));
        return fail("mmap of the ring", error);
    }
    fd_ = enter_fd_ = static_cast<int>(fd);
    for (unsigned i = 0; i < params.sq_entries; ++i) ring_.sq.array[i] = i;
    sq_tail_ = *ring_.sq.ktail;
    sq_entries_ = params.sq_entries;
    sq_mask_ = params.sq_entries - 1;
    cq_entries_ = params.cq_entries;
    cq_mask_ = params.cq_entries - 1;
    setup_flags_ = params.flags;
    features_ = params.features;
    enter_flags_ = features_ & IORING_FEAT_NO_IOWAIT ? IORING_ENTER_NO_IOWAIT : 0;
    if ((features_ & needed_features) != needed_features) return fail("features", -EOPNOTSUPP);
    return load_opcodes();
}

// Kernels that have EXT_ARG map both queues at once. A child of fork() must not share them; where
// MADV_DONTFORK fails, forget() is still enough.
long Ring::map(int fd, const io_uring_params& params) noexcept {
    const auto protection = PROT_READ | PROT_WRITE;
    const std::size_t sq_size = params.sq_off.array + params.sq_entries * sizeof(unsigned);
    const std::size_t cq_size = params.cq_off.cqes + params.cq_entries * sizeof(io_uring_cqe);
    queues_size_ = std::max(sq_size, cq_size);
    const long queues = (*sys_)(SYS_mmap, nullptr, queues_size_, protection,
                                MAP_SHARED | MAP_POPULATE, fd, static_cast<long>(IORING_OFF_SQ_RING));
    if (queues < 0) return queues;
    entries_size_ = params.sq_entries * sizeof(io_uring_sqe);
    const long entries = (*sys_)(SYS_mmap, nullptr, entries_size_, protection,
                                 MAP_SHARED | MAP_POPULATE, fd, static_cast<long>(IORING_OFF_SQES));
    if (entries < 0) {
        (*sys_)(SYS_munmap, queues, queues_size_);
        return entries;
    }
    (*sys_)(SYS_madvise, queues, queues_size_, MADV_DONTFORK);
    (*sys_)(SYS_madvise, entries, entries_size_, MADV_DONTFORK);
    queues_ = reinterpret_cast<char*>(queues);
    const auto word = [this](unsigned offset) {
        return reinterpret_cast<unsigned*>(queues_ + offset);
    };
    ring_.sq.khead = word(params.sq_off.head);
    ring_.sq.ktail = word(params.sq_off.tail);
    ring_.sq.kflags = word(params.sq_off.flags);
    ring_.sq.array = word(params.sq_off.array);
    ring_.sq.sqes = reinterpret_cast<io_uring_sqe*>(entries);
    ring_.cq.khead = word(params.cq_off.head);
    ring_.cq.ktail = word(params.cq_off.tail);
    ring_.cq.cqes = reinterpret_cast<io_uring_cqe*>(queues_ + params.cq_off.cqes);
    return 0;
}

int Ring::load_opcodes() noexcept {
    constexpr unsigned most = 256;
    alignas(io_uring_probe) char buffer[sizeof(io_uring_probe) + most * sizeof(io_uring_probe_op)];
    std::memset(buffer, 0, sizeof buffer);
    const long error = control(IORING_REGISTER_PROBE, buffer, most);
    if (error < 0) return fail("io_uring_register(PROBE)", error);
    io_uring_probe head;
    std::memcpy(&head, buffer, sizeof head);
    opcodes_.reset();
    for (unsigned i = 0; i < head.ops_len; ++i) {
        io_uring_probe_op op;
        std::memcpy(&op, buffer + sizeof head + i * sizeof op, sizeof op);
        if (op.flags & IO_URING_OP_SUPPORTED) opcodes_.set(op.op);
    }
    for (const unsigned opcode : needed_opcodes) {
        if (!opcodes_.test(opcode)) return fail("opcodes", -EOPNOTSUPP);
    }
    return 0;
}

int Ring::enable() noexcept {
    if (setup_flags_ & IORING_SETUP_R_DISABLED) {
        const long error = control(IORING_REGISTER_ENABLE_RINGS, nullptr, 0);
        if (error < 0) return fail("io_uring_register(ENABLE_RINGS)", error);
    }
    io_uring_rsrc_update update = {};
    update.offset = ~0U;  // any free index
    update.data = static_cast<std::uint64_t>(fd_);
    if (control(IORING_REGISTER_RING_FDS, &update, 1) == 1) {
        enter_fd_ = static_cast<int>(update.offset);
        enter_flags_ |= IORING_ENTER_REGISTERED_RING;
        owner_ = static_cast<int>((*sys_)(SYS_gettid));
    }
    return 0;
}

void Ring::leave_foreign_thread() noexcept {
    if (owner_ == 0 || owner_ == static_cast<int>((*sys_)(SYS_gettid))) return;
    enter_fd_ = fd_;
    enter_flags_ &= ~IORING_ENTER_REGISTERED_RING;
    owner_ = 0;
}

void Ring::close() noexcept {
    if (fd_ < 0) return;
    leave_foreign_thread();
    if (owner_ != 0) {
        io_uring_rsrc_update update = {};
        update.offset = static_cast<unsigned>(enter_fd_);
        control(IORING_UNREGISTER_RING_FDS, &update, 1);
    }
    (*sys_)(SYS_munmap, ring_.sq.sqes, entries_size_);
    (*sys_)(SYS_munmap, queues_, queues_size_);
    sys_->close(fd_);
    unplug();
}

// Leaves empty queues that never have room behind: what is submitted now stays in the backlog.
void Ring::unplug() noexcept {
    ring_ = {};
    ring_.sq.khead = ring_.sq.ktail = ring_.sq.kflags = &none_;
    ring_.cq.khead = ring_.cq.ktail = &none_;
    sq_entries_ = sq_tail_ = none_ = 0;
    fd_ = enter_fd_ = -1;
    owner_ = 0;
}

void Ring::forget() noexcept {
    if (fd_ < 0) return;
    sys_->close(fd_);  // the parent keeps its own
    unplug();
}

long Ring::enter(unsigned min_complete, unsigned flags, const __kernel_timespec* timeout) noexcept {
    io_uring_smp_store_release(ring_.sq.ktail, sq_tail_);
    const unsigned submit = sq_tail_ - *ring_.sq.khead;
    flags |= enter_flags_;
    if (!timeout) {
        return (*sys_)(SYS_io_uring_enter, enter_fd_, submit, min_complete, flags, nullptr, 0);
    }
    io_uring_getevents_arg argument = {};
    argument.ts = reinterpret_cast<std::uintptr_t>(timeout);
    return (*sys_)(SYS_io_uring_enter, enter_fd_, submit, min_complete,
                   flags | IORING_ENTER_EXT_ARG, &argument, sizeof argument);
}

long Ring::control(unsigned opcode, const void* argument, unsigned count) noexcept {
    return (*sys_)(SYS_io_uring_register, fd_, opcode, argument, count);
}

std::string Ring::describe() const {
    return words(setup_words, setup_flags_) + ", " + std::to_string(sq_entries_) + " entries (" +
           std::to_string(cq_entries_) + " completions), features " +
           words(feature_words, features_) + (owner_ != 0 ? ", registered ring descriptor" : "");
}

bool SlotTable::reserve(std::size_t count) noexcept {
    const std::size_t before = slots_.size();
    if (count <= before || count >= no_slot) return false;
    try {
        slots_.resize(count);
    } catch (const std::bad_alloc&) {
        return false;
    }
    // Lowest index first: the same few slots are used again and stay in the cache.
    for (std::size_t i = count; i-- > before;) {
        slots_[i].next = free_;
        free_ = static_cast<std::uint32_t>(i);
    }
    return true;
}

bool SlotTable::reserve_fd(int fd) noexcept {
    const auto needed = static_cast<std::size_t>(fd) + 1;
    try {
        by_fd_.resize(std::max({needed, by_fd_.size() * 2, std::size_t{64}}), no_slot);
    } catch (const std::bad_alloc&) {
        return false;
    }
    return true;
}

namespace {
constexpr std::size_t page = 4096;
constexpr std::size_t lease_bytes = page + std::size_t{LeasedBuffers::count} * LeasedBuffers::size;
static_assert(LeasedBuffers::count * sizeof(io_uring_buf) <= page);
}  // namespace

int LeasedBuffers::open(Sys& sys, Ring& ring) noexcept {
    if (ready()) return 0;
    const long address = sys(SYS_mmap, nullptr, lease_bytes, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (address < 0) return static_cast<int>(address);
    char* memory = reinterpret_cast<char*>(address);
    // The kernel pins the page of the ring: a fork must not give the child our copy of it.
    sys(SYS_madvise, memory, page, MADV_DONTFORK);
    io_uring_buf_reg registration = {};
    registration.ring_addr = static_cast<std::uint64_t>(address);
    registration.ring_entries = count;
    registration.bgid = group;
    const long error = ring.control(IORING_REGISTER_PBUF_RING, &registration, 1);
    if (error < 0) {
        sys(SYS_munmap, memory, lease_bytes);
        return static_cast<int>(error);
    }
    sys_ = &sys;
    ring_ = reinterpret_cast<io_uring_buf_ring*>(memory);
    memory_ = memory + page;
    for (unsigned id = 0; id < count; ++id) publish(id);
    return 0;
}

void LeasedBuffers::close() noexcept {
    if (!ready()) return;
    (*sys_)(SYS_munmap, memory_ - page, lease_bytes);
    memory_ = nullptr;
}

void LeasedBuffers::publish(std::uint32_t id) noexcept {
    // Field by field: the tail lies in the reserved part of entry 0.
    auto* entries = reinterpret_cast<io_uring_buf*>(ring_);
    io_uring_buf& entry = entries[tail_ % count];
    entry.addr = reinterpret_cast<std::uintptr_t>(memory_ + std::size_t{id} * size);
    entry.len = size;
    entry.bid = static_cast<std::uint16_t>(id);
    io_uring_smp_store_release(&ring_->tail, ++tail_);
}

void LeasedBuffers::give_back(std::uint32_t id) noexcept {
    if (!ready() || id >= count || !leased_.test(id)) return;
    leased_.reset(id);
    publish(id);
}

namespace {

// What /proc/sys/kernel/io_uring_disabled says; -1 when there is no such file.
int disabled_by_sysctl(Sys& sys) noexcept {
    const long fd =
        sys(SYS_openat, AT_FDCWD, "/proc/sys/kernel/io_uring_disabled", O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0) return -1;
    char digit = 0;
    const long got = sys.read(static_cast<int>(fd), &digit, 1);
    sys.close(static_cast<int>(fd));
    return got == 1 && digit >= '0' && digit <= '9' ? digit - '0' : -1;
}

Verdict explain_denial(Sys& sys, std::string where) {
    constexpr const char* group_advice =
        "sysctl -w kernel.io_uring_disabled=0, or run as a member of kernel.io_uring_group";
    const int sysctl = disabled_by_sysctl(sys);
    if (sysctl == 2) {
        return {false, where + "kernel.io_uring_disabled is 2: nobody may use io_uring",
                "sysctl -w kernel.io_uring_disabled=0"};
    }
    if (sysctl == 1) {
        return {false, where + "kernel.io_uring_disabled is 1: only a privileged group may use it",
                group_advice};
    }
    return {false, where + "denied, most likely by a seccomp filter",
            "allow io_uring_setup, io_uring_enter and io_uring_register in the seccomp profile of "
            "the container or sandbox (the default profile of Docker and containerd denies them)"};
}

int round_trip(Ring& ring) noexcept {
    constexpr std::uint64_t mark = 0xC012;
    io_uring_sqe* sqe = ring.next_sqe();
    if (!sqe) return -EBUSY;
    prepare_nothing(*sqe, mark);
    long entered;
    do {
        entered = ring.enter(1, IORING_ENTER_GETEVENTS, nullptr);
    } while (entered == -EINTR);
    if (entered < 0) return static_cast<int>(entered);
    if (ring.cq_tail() == ring.cq_head()) return -EIO;
    const io_uring_cqe& cqe = ring.cqe(ring.cq_head());
    return cqe.user_data == mark && cqe.res == 0 ? 0 : -EIO;
}

Verdict run_probe() {
#if COIR_HAVE_VALGRIND
    // Its lock is held by the thread that waits in io_uring_enter: no other one could wake it.
    if (RUNNING_ON_VALGRIND) {
        return {false, "io_uring_enter: valgrind stops all other threads while one waits in it",
                "run the program without valgrind, or with another reactor"};
    }
#endif
    Sys& sys = real_sys();
    Ring ring;
    // As large as a loop's, so that what is said of it is what a loop gets.
    if (const int error = ring.open(sys, Ring::default_entries); error < 0) {
        return explain_failure(sys, ring.failed_step(), error);
    }
    if (const int error = ring.enable(); error < 0) {
        return explain_failure(sys, ring.failed_step(), error);
    }
    const std::string in_force = ring.describe();
    if (const int error = round_trip(ring); error < 0) {
        return explain_failure(sys, "io_uring_enter", error);
    }
    return {true, in_force, ""};
}

}  // namespace

Verdict explain_failure(Sys& sys, const char* step, int error) {
    const std::string where = std::string(step) + ": ";
    switch (-error) {
        case EPERM:
        case EACCES:
            return explain_denial(sys, where);
        case ENOSYS:
            return {false, where + "this kernel has no io_uring (or a sandbox hides it)",
                    "Linux 5.11 or newer with CONFIG_IO_URING is needed; 6.1 or newer is best"};
        case EOPNOTSUPP:
        case EINVAL:
            return {false, where + "this kernel's io_uring is too old",
                    "Linux 5.11 or newer is needed; 6.1 or newer is best"};
        case ENOMEM:
            return {false, where + "not enough memory that may be locked",
                    "raise the limit (ulimit -l, or LimitMEMLOCK= in systemd); it is shared by all "
                    "processes of the user"};
        case EMFILE:
        case ENFILE:
            return {false, where + "too many open files", "raise the limit (ulimit -n)"};
        default:
            return {false, where + std::strerror(-error), ""};
    }
}

namespace {
constinit MadeOnce<Verdict> verdict;
}

Verdict probe_io_uring() {
    // The answer of a process does not change, and back-to-back rings would use up the memlock
    // budget, which the kernel gives back late.
    return verdict.get([] { return run_probe(); });
}

}  // namespace detail
}  // namespace v0
}  // namespace coir

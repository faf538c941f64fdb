// SPDX-License-Identifier: BSL-1.0
// See sim_sys.hpp. Sockets' calls are in socket_calls.cpp.
#include "sim_sys.hpp"

#include "call_names.hpp"
#include "counter.hpp"
#include "memory_cache.hpp"
#include "pipe.hpp"
#include "socket.hpp"

#include <coir/task.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace coir {
inline namespace v0 {
namespace detail {
namespace sim {

constinit thread_local char this_thread = 0;

namespace {

// Calls about this process and its memory, which nothing depends on.
bool is_own(long number) noexcept {
    switch (number) {
        case SYS_mmap:
        case SYS_munmap:
        case SYS_madvise:
        case SYS_mprotect:
        case SYS_process_madvise:
        case SYS_pidfd_open:  // for process_madvise
        case SYS_futex:
        case SYS_getpid:
        case SYS_gettid:
        case SYS_sched_yield:
        case SYS_rt_sigaction:
        case SYS_rt_sigprocmask:
        case SYS_rt_sigpending:
        case SYS_rt_sigtimedwait:
            return true;
        default:
            return false;
    }
}

// Calls on a descriptor that may go to the kernel when that is an open file's.
bool is_on_file(long number) noexcept {
    switch (number) {
        case SYS_read:
        case SYS_write:
        case SYS_readv:
        case SYS_writev:
        case SYS_pread64:
        case SYS_pwrite64:
        case SYS_preadv:
        case SYS_pwritev:
        case SYS_preadv2:
        case SYS_pwritev2:
        case SYS_lseek:
        case SYS_fsync:
        case SYS_fdatasync:
        case SYS_syncfs:
        case SYS_sync_file_range:
        case SYS_ftruncate:
        case SYS_fchmod:
        case SYS_flock:
        case SYS_getdents64:
        case SYS_ioctl:
            return true;
        default:
            return false;
    }
}

bool is_file(int fd) noexcept {
    struct stat status {};
    if (real_sys()(SYS_fstat, fd, &status) < 0) return true;  // the kernel says what is wrong
    return S_ISREG(status.st_mode) || S_ISDIR(status.st_mode) || S_ISBLK(status.st_mode);
}

}  // namespace


// --- Time and chance ----------------------------------------------------------------------------

std::uint64_t SimSys::random() noexcept {
    const std::uint64_t value = world_.random.next();
    world_.choices.mix(value);
    return value;
}

bool SimSys::take_job(void (*run)(void*) noexcept, void* argument) noexcept {
    world_.jobs.add(*this, run, argument);
    return true;
}

void SimSys::tick() noexcept {
    if (jobs_ == 0) world_.advance_to(world_.now() + std::chrono::microseconds(1));
}

std::size_t SimSys::pick(std::size_t count) noexcept {
    return world_.choices.pick(Site::task, static_cast<std::uint32_t>(count));
}

std::size_t SimSys::pick_entry(const std::uint64_t* tasks, std::size_t count) noexcept {
    const std::uint32_t drawn = world_.order.propose(tasks, count, world_.now());
    const std::uint32_t at = world_.choices.decide(Site::ready, static_cast<std::uint32_t>(count), drawn);
    world_.trace.next_task(tasks[at], at, count);
    return at;
}

// --- What is not the world's --------------------------------------------------------------------

void SimSys::refuse(const Arguments& call, const char* why) const noexcept {
    const TaskRef task = current_task();
    std::string name = task ? task.name() : std::string("none");
    char line[320];
    const int size = std::snprintf(
        line, sizeof line,
        "coir: simulate: system call %ld %s(%ld, %#lx, %#lx) %s; task '%s', seed %llu\n", call.number,
        call_name(call.number), call.a, static_cast<unsigned long>(call.b), static_cast<unsigned long>(call.c), why,
        name.c_str(), static_cast<unsigned long long>(world_.seed));
    real_sys().write(STDERR_FILENO, line, static_cast<std::size_t>(size));
    std::abort();
}

long SimSys::to_kernel(const Arguments& call) noexcept {
    return real_sys()(call.number, call.a, call.b, call.c, call.d, call.e, call.f);
}

// The stacks of tasks are kept from one simulation to the next. In builds with AddressSanitizer every
// one has fresh ones, of which nothing is poisoned.
long SimSys::on_memory(const Arguments& call) noexcept {
    constexpr long least = 64 * 1024;
    const bool for_stacks = call.number == SYS_mmap && call.a == 0 && call.e == -1 && call.b >= least;
    if (for_stacks && world_.choices.chance(Site::no_stack, world_.faults.no_stack)) return -ENOMEM;
#if !COIR_ASAN
    if (for_stacks) return memory_cache().map(call.b, call.c, call.d);
    if (call.number == SYS_munmap && memory_cache().unmap(call.a, call.b)) return 0;
    // Its pages are wanted again.
    const bool lets_go = call.number == SYS_madvise && (call.c == MADV_DONTNEED || call.c == MADV_FREE);
    if (lets_go && memory_cache().owns(call.a)) return 0;
#endif
    return to_kernel(call);
}

long SimSys::outside(const Arguments& call) {
    switch (call.number) {
        case SYS_socket:
            return make_socket(call);
        case SYS_socketpair:
            return make_pair(call);
        case SYS_pipe2:
            return make_pipe_ends(call);
        case SYS_eventfd2: {
            const int flags = static_cast<int>(call.b);
            auto node = std::make_shared<Counter>(world_, static_cast<unsigned>(call.a),
                                                  (flags & EFD_SEMAPHORE) != 0);
            node->set_nonblocking((flags & EFD_NONBLOCK) != 0);
            return world_.descriptors.add(std::move(node), (flags & EFD_CLOEXEC) != 0);
        }
        case SYS_ppoll:
            return poll(reinterpret_cast<pollfd*>(call.a), static_cast<std::size_t>(call.b));
        case SYS_sendfile:
            return -EINVAL;  // coir then reads and sends
        case SYS_getrandom:
        case SYS_close:
        case SYS_fstat:
        case SYS_fcntl:
            return to_kernel(call);
        default:
            break;
    }
    if (names_file(call.number)) return on_names(call, nullptr);
    if (is_own(call.number)) return to_kernel(call);
    if (is_on_file(call.number)) {
        if (is_file(call.fd())) return to_kernel(call);
        refuse(call, "on a descriptor that is not the simulated world's");
    }
    if (call.number == SYS_accept4 || (call.number >= SYS_connect && call.number <= SYS_getsockopt)) {
        struct stat status {};
        if (real_sys()(SYS_fstat, call.fd(), &status) < 0) return -EBADF;
        refuse(call, "on a descriptor that is not the simulated world's");
    }
    refuse(call, "is not simulated");
}

// --- The world's descriptors --------------------------------------------------------------------

long SimSys::call(long number, long a, long b, long c, long d, long e, long f) noexcept {
    const Arguments call{number, a, b, c, d, e, f};
    if (thread_ != &this_thread) {
        // A job's: files only.
        const bool by_descriptor = is_on_file(number) || number == SYS_close ||
                                   number == SYS_fstat || number == SYS_fcntl;
        if (by_descriptor && world_.descriptors.owns(call.fd())) {
            refuse(call, "on the simulated world's descriptor, by another thread");
        }
        if (number == SYS_sendfile) return -EINVAL;
        if (by_descriptor || is_own(number) || names_file(number)) return to_kernel(call);
        refuse(call, "by another thread is not simulated");
    }
    const bool of_ring = number >= SYS_io_uring_setup && number <= SYS_io_uring_register;
    const long result = of_ring ? on_ring(call) : by_world(call);
    if (!of_ring && !is_own(number)) trace(call, result);
    return result;
}

// The calls of this process, its ring aside.
long SimSys::by_world(const Arguments& call) {
    const long number = call.number;
    if (child_) return in_child(call);
    if (number == SYS_sched_yield || number == SYS_futex) {
        return thread_sys()(number, call.a, call.b, call.c, call.d, call.e, call.f);
    }
    long result = 0;
    if (ring_ && on_ring_memory(call, result)) return result;
    if (on_processes(call, result)) return result;
    if (is_own(number)) return on_memory(call);
    const bool about_descriptor = number != SYS_socket && number != SYS_socketpair &&
                                  number != SYS_pipe2 && number != SYS_eventfd2 &&
                                  number != SYS_ppoll;
    Node* node = about_descriptor ? world_.descriptors.find(call.fd()) : nullptr;
    if (!node) return outside(call);
    // Asked for numbers beyond a table's end: what is open in this process is another matter.
    if (number == SYS_fcntl && call.b == F_GETFD) return in_world(call, *node);
    ++world_.calls;
    result = in_world(call, *node);
    note(number, result);
    return result;
}

void SimSys::trace(const Arguments& call, long result) const {
    world_.trace.call(call.number, call.a, call.b, call.c, result, for_kernel_);
}

void SimSys::note(long number, long result) noexcept {
    const bool is_descriptor = number == SYS_accept4 || number == SYS_fcntl || number == SYS_openat;
    world_.choices.mix(static_cast<std::uint64_t>(number) * 65536 +
                       static_cast<std::uint64_t>(is_descriptor && result > 0 ? 0 : result));
}

long SimSys::now_or_never(const Arguments& call, const Node& node, bool waits,
                          long result) const noexcept {
    if (result == -EAGAIN && waits && node.blocks() && !for_kernel_) refuse(call, "would block the loop's thread");
    return result;
}

long SimSys::in_world(const Arguments& call, Node& node) {
    if (names_file(call.number)) return on_names(call, &node);
    switch (call.number) {
        case SYS_close:
            world_.descriptors.close(call.fd());
            return 0;
        case SYS_fcntl:
            return file_control(call, node);
        case SYS_fstat:
            node.describe(*reinterpret_cast<struct stat*>(call.b));
            return 0;
        case SYS_ioctl:
            if (call.b == FIONREAD) {
                *reinterpret_cast<int*>(call.c) = static_cast<int>(node.readable());
                return 0;
            }
            if (call.b == FIONBIO) {
                node.set_nonblocking(*reinterpret_cast<const int*>(call.c) != 0);
                return 0;
            }
            return -ENOTTY;
        case SYS_lseek:
            return node.seek(call.b, static_cast<int>(call.c));
        case SYS_fsync:
        case SYS_fdatasync:
            return node.sync();
        case SYS_ftruncate:
            return node.resize(call.b);
        case SYS_getdents64:
            return node.list(reinterpret_cast<void*>(call.b), static_cast<std::size_t>(call.c));
        case SYS_fchmod:
            return node.change_mode(static_cast<mode_t>(call.b));
        case SYS_flock:
        case SYS_sendfile:
            return -EINVAL;
        case SYS_read:
        case SYS_write:
        case SYS_pread64:
        case SYS_pwrite64:
        case SYS_readv:
        case SYS_writev:
        case SYS_preadv:
        case SYS_pwritev:
        case SYS_preadv2:
        case SYS_pwritev2:
            return transfer(call, node);
        default:
            break;
    }
    auto* socket = dynamic_cast<Socket*>(&node);
    if (!socket) return -ENOTSOCK;
    return on_socket(call, *socket);
}

long SimSys::transfer(const Arguments& call, Node& node) {
    bool one = false;
    bool reads = false;
    bool placed = false;
    bool at_once = false;
    switch (call.number) {
        case SYS_read: one = reads = true; break;
        case SYS_write: one = true; break;
        case SYS_readv: reads = true; break;
        case SYS_writev: break;
        case SYS_pread64: one = reads = placed = true; break;
        case SYS_pwrite64: one = placed = true; break;
        case SYS_preadv: reads = placed = true; break;
        case SYS_pwritev: placed = true; break;
        case SYS_preadv2: reads = at_once = true; placed = call.d != -1; break;
        default: at_once = true; placed = call.d != -1; break;
    }
    const iovec piece{reinterpret_cast<void*>(call.b), one ? static_cast<std::size_t>(call.c) : 0};
    const Pieces pieces = one ? Pieces(&piece, 1)
                              : Pieces(reinterpret_cast<const iovec*>(call.b),
                                       static_cast<std::size_t>(call.c));
    long result = 0;
    if (placed) {
        result = reads ? node.read_at(pieces, call.d) : node.write_at(pieces, call.d);
    } else {
        result = reads ? node.read(pieces) : node.write(pieces);
    }
    return now_or_never(call, node, !at_once, result);
}

long SimSys::file_control(const Arguments& call, Node& node) {
    const bool on = (call.c & O_NONBLOCK) != 0;
    switch (call.b) {
        case F_GETFL:
            return node.access() | (node.blocks() ? 0 : O_NONBLOCK);
        case F_SETFL:
            node.set_nonblocking(on);
            return 0;
        case F_GETFD:
            return world_.descriptors.close_on_exec(call.fd()) ? FD_CLOEXEC : 0;
        case F_SETFD:
            world_.descriptors.set_close_on_exec(call.fd(), (call.c & FD_CLOEXEC) != 0);
            return 0;
        case F_DUPFD:
        case F_DUPFD_CLOEXEC:
            return world_.descriptors.add(node.shared_from_this(), call.b == F_DUPFD_CLOEXEC,
                                          static_cast<int>(call.c));
        default:
            return -EINVAL;
    }
}

// Without waiting: the reactor is who waits.
long SimSys::poll(pollfd* set, std::size_t count) noexcept {
    long ready = 0;
    for (std::size_t i = 0; i < count; ++i) {
        pollfd& entry = set[i];
        entry.revents = 0;
        if (entry.fd < 0) continue;
        if (const Node* node = world_.descriptors.find(entry.fd)) {
            const unsigned asked = static_cast<unsigned short>(entry.events);
            entry.revents = static_cast<short>(node->events() &
                                               (asked | unsigned{POLLERR | POLLHUP | POLLNVAL}));
        } else {
            const Arguments call{SYS_ppoll, entry.fd, entry.events, 0, 0, 0, 0};
            if (!is_file(entry.fd)) refuse(call, "on a descriptor that is not the simulated world's");
            timespec zero{0, 0};
            real_sys()(SYS_ppoll, &entry, 1, &zero, nullptr, 0);
        }
        if (entry.revents != 0) ++ready;
    }
    return ready;
}

long SimSys::make_pipe_ends(const Arguments& call) {
    const int flags = static_cast<int>(call.b);
    int* ends = reinterpret_cast<int*>(call.a);
    auto [reader, writer] = make_pipe(world_);
    reader->set_nonblocking((flags & O_NONBLOCK) != 0);
    writer->set_nonblocking((flags & O_NONBLOCK) != 0);
    const bool close_on_exec = (flags & O_CLOEXEC) != 0;
    const long first = world_.descriptors.add(reader, close_on_exec);
    if (first < 0) return first;
    const long second = world_.descriptors.add(writer, close_on_exec);
    if (second < 0) {
        world_.descriptors.close(static_cast<int>(first));
        return second;
    }
    ends[0] = static_cast<int>(first);
    ends[1] = static_cast<int>(second);
    return 0;
}

}  // namespace sim
}  // namespace detail
}  // namespace v0
}  // namespace coir
